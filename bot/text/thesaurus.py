"""Words that customers of shops and services use for the same thing, as data: the first of a group stands for all.

General support English, written without regard to any company; what a team's own customers say is for learning.
"""

from bot.text.terms import is_stop, words

GROUPS = """
account profile / address street / app application software / arrive receive reach /
backpack rucksack knapsack daypack /
broken damage damaged defect defective faulty crack dent rip rupture smash shatter / buy purchase /
call phone telephone ring / cancel annul revoke terminate / carrier courier postman mailman /
change modify edit update alter amend adjust / clean wash launder laundry / code voucher coupon promo promotion /
collect pickup / company business firm employer / cost price charge fee pricey expensive rate /
country abroad overseas / crash freeze hang / customs duty duties tariff import / decline reject refuse fail failure /
delete remove erase wipe / deliver ship dispatch delivery postage / discount rebate markdown / exchange swap /
express overnight urgent rush asap / family wife husband partner spouse relative / gift present / guarantee warranty /
home house / injure injury hurt harm wound / internet wifi online connection / invoice receipt bill /
laptop notebook macbook computer / lawyer attorney sue lawsuit court legal / login signin logon /
lose missing vanish disappear / material fabric textile / mould mold mildew / newsletter mailing marketing /
number digit / package parcel shipment consignment / password passcode pin / photo picture image screenshot /
problem issue trouble error bug / product item article goods / refund reimburse reimbursement / repair mend fix /
rain wet waterproof rainproof pour / restock stock available availability / return / share collaborate /
size dimension / smartphone mobile iphone android cellphone / smell odour odor stink stench musty /
sew produce manufacture / spare replacement / store shop branch showroom / subscribe subscription membership plan /
suitcase trolley luggage baggage / sync synchronise synchronize / tablet ipad / track trace locate / unsubscribe /
wrong incorrect mistake mistaken / zip zipper
"""
# Two words with at most two others between them that mean a third.
TOGETHER = """
send back return / give back return / bring back return / ship back return / money back refund / sign in login /
log in login / pick up collect / sold out restock / too small size / too big size / show up arrive / turn up arrive
"""
WEAK_SHARE = 0.4
# Said about everything, so they tell little about the topic.
WEAK = """
able actually already always any anyone anything ask bad best better big bit come day different easy else even ever
every everything far feel find first give go good happen help idea important keep kind know last later little long
look lot make many mean minute month moment morning necessary need never new next nice night nothing number often
old once part people place point possible previous put question quite ready really right second set short simple
someone soon start still stop stuff sure take tell thing think time today tomorrow tonight too try turn two type use
useful want way week whole wish without wonder word work year yesterday
"""


def _groups(text: str) -> list[list[str]]:
    return [[words(word)[0] for word in group.split()] for group in text.split("/")]


SAME = {word: group[0] for group in _groups(GROUPS) for word in group}
WEAKENED = frozenset(_groups(WEAK)[0])
PAIRS = {(one, two): mean for one, two, mean in _groups(TOGETHER)}


def topics(text: str) -> list[str]:
    """The words that carry a topic, each as the first of its group; may repeat."""
    stems = words(text)
    meant = [PAIRS[a, b] for at, a in enumerate(stems) for b in stems[at + 1 : at + 4] if (a, b) in PAIRS]
    return [SAME.get(w, w) for w in (*stems, *meant) if not is_stop(w)]


def weight(topic: str) -> float:
    """How much a word of `topics` can tell, 0 to 1."""
    return WEAK_SHARE if topic in WEAKENED else 1.0
