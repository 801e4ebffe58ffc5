"""Copies of what Fernweh knows, written by hand: the same in other words, and the same with another fact; beside them
what sounds alike and is neither."""

from bot.model import Clash

SAME, OTHER = Clash.SAME, Clash.CONTRADICTION

# (what it is a copy of, question, answer, what it is)
PLANTED: tuple[tuple[str, str, str, Clash | None], ...] = (
    # the same answer in other words, or a part of it
    ("returns-period", "How many days do I have to return something?",
     "You have 60 days from delivery to return anything unused. Tags should still be attached.", SAME),
    ("orders-invoice", "Where can I find the invoice of my order?",
     "Your invoice is attached to the e-mail that says your order has shipped. Or download it as a PDF: go to \"My "
     "orders\", choose the order and press \"Invoice\".", SAME),
    ("warranty-length", "How long is the guarantee?",
     "Bags and backpacks are guaranteed for ten years, suitcases for five years from the day of delivery. "
     "Zips, wheels, "
     "handles, seams and shells are covered.", SAME),
    ("app-offline", "Can I use the app without internet?",
     "Yes, all your lists can be read and ticked off without a connection, even on a plane. Sharing, weather and new "
     "templates need the internet.", SAME),
    ("returns-cost", "Who pays for return shipping?",
     "Returns from Germany and Austria are free. From other EU countries we deduct 4.90 euros from the "
     "refund, from the "
     "United Kingdom, Norway and Switzerland 9.90 euros.", SAME),
    ("stores-pickup", "Can I order online and pick it up in a store?",
     "Yes, choose \"Collect in store\" at checkout, it is free. You get an e-mail when it is ready, usually within two "
     "working days. We keep it for ten days.", SAME),
    ("care-smell", "How do I get rid of mould or a bad smell?",
     "Wipe the lining with one part of white vinegar and three parts of water, leave it for 20 minutes, "
     "then rinse with "
     "clear water. Let the bag dry open in the shade for two days.", SAME),
    ("account-email", "How can I change my account's e-mail address?",
     "Go to \"My account\", press \"Personal data\" and enter the new address. We send a link to the new address and a "
     "notice to the old one. The change counts when you press the link within 24 hours.", SAME),
    ("returns-how", "How do I send something back?",
     "Go to https://returns.fernweh.example and enter your order number and your e-mail address. Choose the items and "
     "the reason, then download the label. Stick the label on the box and hand it in at any DHL or DPD shop within 14 "
     "days.", SAME),
    ("shipping-locker", "Do you deliver to a parcel locker?",
     "Yes, to DHL Packstation and to pick-up shops of DHL and DPD. Choose \"Pick-up point\" at checkout and search by "
     "postcode.", SAME),
    ("app-share", "How can I share a packing list with my family?",
     "Open the list, press the share symbol and choose \"Invite\". Up to six people can tick off and add "
     "things.", SAME),
    ("orders-payment-failed", "My payment was declined",
     "Nothing was charged when a payment was declined. A reserved amount disappears from your statement within seven "
     "days. Please check that the billing address matches your card and that the bank has released the card for online "
     "payments.", SAME),
    # another fact
    ("returns-period", "How long do I have to return something?",
     "You can return anything unused within 30 days of delivery. Tags should still be attached.", OTHER),
    ("returns-period", "Until when can I return an item?",
     "Unused items can be returned within 14 days of delivery.", OTHER),
    ("shipping-costs", "What does shipping cost?",
     "Shipping is free for orders of 50 euros or more inside the European Union.", OTHER),
    ("shipping-express", "Can I get my order by tomorrow?",
     "Express delivery costs 9.90 euros and is offered at checkout for addresses in Germany and Austria.", OTHER),
    ("shipping-countries", "Which countries do you ship to?",
     "We ship to all countries of the European Union. We also ship to the United States, Canada and Asia.", OTHER),
    ("warranty-length", "How long is the warranty?",
     "Backpacks and bags are guaranteed for five years, counted from the day of delivery.", OTHER),
    ("care-wash", "Can I wash my backpack in a washing machine?",
     "You can use a washing machine at 30 °C with a mild soap.", OTHER),
    ("care-rain", "Is the backpack waterproof?",
     "Yes, the fabric of all Strand and Alpen backpacks keeps out rain and the seams are sealed, so they are "
     "waterproof.", OTHER),
    ("orders-payment", "Which payment methods do you accept?",
     "We accept Visa, Mastercard and American Express, PayPal and bank transfer. We also accept cash on delivery and "
     "cheques.", OTHER),
    ("returns-exchange", "Can I exchange an item for another size?",
     "Yes, we swap items directly. Write the size you want on the return form.", OTHER),
    ("app-offline", "Does the app work without internet?",
     "No. Your lists cannot be read or ticked off without a connection.", OTHER),
    ("account-delete", "How do I delete my account and my data?",
     "Open \"My account\", then \"Privacy\", and press \"Delete account\". Your profile and your packing lists are "
     "erased after 30 days.", OTHER),
    ("orders-gift-card", "How do gift cards work?",
     "Gift cards come by e-mail and are valid for one year. Enter the number at checkout. They can be "
     "paid out in cash.",
     OTHER),
    ("returns-damaged", "My order arrived damaged",
     "Please send us photos of the box, its shipping label and the damage within three days of delivery. You need not "
     "keep the packaging.", OTHER),
    ("shipping-tracking", "Where is my parcel?",
     "Open the e-mail with the subject \"Your Fernweh order is on its way\" and press the tracking link. "
     "A search takes "
     "up to ten working days.", OTHER),
    ("returns-de-ruecksendung", "Wie schicke ich etwas zurück?",
     "Klebe das Etikett auf den Karton und gib ihn innerhalb von 7 Tagen in einem DHL- oder DPD-Shop ab.", OTHER),
    ("stores-returns", "Can I return an online order in a store?",
     "No, online orders cannot be returned in our stores.", OTHER),
    # neither: another thing, another case, or something that stands beside it
    ("shipping-costs", "What does shipping cost to Iceland?",
     "Shipping to Iceland costs 19.90 euros, whatever the order is worth.", None),
    ("warranty-length", "How long is the warranty on umbrellas?",
     "Umbrellas are guaranteed for two years, counted from the day of delivery.", None),
    ("returns-period", "How long do I have to return a gift?",
     "Gifts that were bought in December can be returned until the end of January.", None),
    ("stores-hours", "When is the outlet in Porto open?",
     "The outlet in Porto is open from Monday to Friday, 9:00 to 17:00.", None),
    ("orders-discount", "How do I get a newsletter code?",
     "Sign up for the newsletter and you get a code of 10 percent for your next order.", None),
    ("care-lock", "How do I set the combination of a number lock by ABUS?",
     "Set the dials to the present combination; it is 1-2-3 on a new one.", None),
    ("app-cancel", "How do I cancel a trial of Pack Plus?",
     "A trial ends by itself after 14 days, so there is nothing to cancel.", None),
    ("products-laptop", "Does a laptop fit in the Rolle 38?",
     "The lid pocket of the Rolle 38 takes laptops up to 13 inches.", None),
    ("returns-how", "How do I send back a repair?",
     "We send you a label for it by e-mail. Stick the label on the box and hand it in at any DHL shop within 30 days.",
     None),
    ("orders-cancel", "Can I cancel my order?",
     "You can cancel until we have packed the order. A cancellation costs 5 euros.", None),
    ("account-newsletter", "How do I subscribe to the newsletter?",
     "Enter your e-mail address at the bottom of any page and press \"Subscribe\".", None),
)  # fmt: skip

# What is not found: the fact stands in sentences that hardly share a word, and in one of two questions at once.
MISSED: tuple[tuple[str, str, str, Clash | None], ...] = (
    ("stores-hours", "Where are your stores and when are they open?",
     "Our stores in Hamburg, Lisbon and Kraków are open from Monday to Friday, 10:00 to 18:00.", OTHER),
    ("app-install", "What does Pack Plus cost?",
     "The free plan holds five packing lists. Pack Plus costs 3.49 euros a month or 29 euros a year.", OTHER),
)  # fmt: skip
