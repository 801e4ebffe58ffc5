"""Word lists by language, as data: stop words, thanks, greetings, closings and the like."""


def _of(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Function words that tell languages apart and carry no topic; a word of several languages counts less.
STOP = {
    language: _of(words)
    for language, words in {
        "en": "a about after again all also am an and any are aren't as at be because been before but by can can't "
        "cannot could couldn't did didn't do does doesn't don't down for from get go got had has hasn't have haven't "
        "he hello her here hi him his how i i'd i'll i'm i've if in into is isn't it it's its just let like may me "
        "might more most much must my no not now of off on one only or our out over please say see she should so some "
        "something such thank thanks than that the their them then there these they this those to too up us very was "
        "wasn't we were what what's when where which while who why will with won't would yet you you're your yours",
        "de": "aber alle als am an auch auf aus bei bin bitte da danke das dass dem den der des die dies diese doch du "
        "ein eine einem einen einer es für guten hallo hat habe haben ich ihr ihre im in ist ja kann kein keine können "
        "man mein meine meinem meinen meiner mich mir mit nach nicht noch nur oder schon sehr sein sich sie sind so "
        "tag und uns von vor wann war warum was wegen wenn wer werden wie wieder wir wird wo zu zum zur über",
        "fr": "a ai au aux avec avez bonjour c ce cela ces cette comment d dans de depuis des du elle en es est et eu "
        "il j je l la le les leur ma mais me merci mes moi mon n ne nous on ont ou où par pas plus pour pourquoi "
        "puis qu quand que quel quelle qui s sa sans se ses si sont sur suis s'il très tu un une vos votre vous à être",
        "es": "al buenas buenos con como cómo cuando cuándo cuánto de del desde donde dónde el ella en es esta está "
        "este esto favor gracias ha hace han hay he hola la las le lo los me mi mis muy más ni no nos o para pero por "
        "porque puede puedo que qué quiero se si sin sobre son su sus también te tengo tiene un una y ya yo",
        "it": "al alla anche buongiorno che chi ci ciao come con cosa da dal dalla dei del della delle di dopo dove e "
        "ed gli grazie ha ho i il in io la le lo ma mi mia mio ne nel nella non o per perché più posso può quando "
        "quanto questa questo qui se si sia sono su sul un una vi vorrei è",
        "pt": "a ao aos as até bom com como da das de depois do dos e ela ele em essa esse esta este eu foi já mais "
        "mas me meu minha muito na não no nos o obrigada obrigado olá onde os ou para pela pelo por porque posso qual "
        "quando que quero se sem seu sua são também tem tenho um uma você é",
        "nl": "aan al als ben bij dag dan dat de deze die dit door een en er geen goede had heb hebben heeft het hij "
        "hoe hoi ik in is je jullie kan kunnen maar me met mij mijn na naar niet nog of om onze ook op over te tot uit "
        "u uw van veel voor waar waarom wanneer was wat we wel wij wil wordt zijn zo",
        "pl": "a ale bardzo by być cześć czy dla do dlaczego dobry dziękuję dzień gdzie i ich ile jak jest jestem już "
        "kiedy która który ma mam mnie mi moja moje mogę może można mój na nie o od po proszę przez się są ta tak ten "
        "tego to tym u w witam z za ze że żeby",
    }.items()
}

THANKS = _of(
    "thank thanks thx ty cheers danke dankeschön dank merci gracias grazie obrigado obrigada bedankt dankjewel "
    "dziękuję dzięki 👍 🙏"
)
# What may stand beside a thank-you without asking for anything.
BESIDE_THANKS = _of(
    "a again all alles am and answer appreciate appreciated auch awesome aide bardzo beaucoup best bien bonne "
    "brilliant bye damit day de dein deine die diese dir du einen es et excellent fantastic fast fein fine fixed "
    "for funktioniert für geholfen gelöst genau great guten guter happy hat have help helped helpful helps hilfe "
    "ich ihnen ihre i ist it it's its je jetzt jour journée klappt know la lot many marche me mir mucha "
    "muchas much muy nice now of ok okay on passt per perfect perfecto perfekt pour prompt "
    "quick quickly question rápida por respuesta reply resolved response rapide réponse schnelle schönen sehr so "
    "solved sorted super support su ayuda tag team that that's the this to toll tout très tu und us vielen "
    "viele vielmals very votre vous was wonderful work worked working works wow y ya you your 😀 😊 🙂 🎉 ❤ "
    "will do understood noted "
    "abend afternoon alright bonjour buenas buenos buongiorno ciao cześć dear días evening good got hallo hello "
    "hey hi hoi hola ja moin morgen morning oi okey olá oui salut sure sí tardes there yes ✅ 👋 👌"
)
CLOSINGS = (
    "best|best regards|best wishes|kind regards|warm regards|regards|sincerely|yours sincerely|yours truly|"
    "yours faithfully|many thanks and best regards|with kind regards|mit freundlichen grüßen|mit freundlichem gruß|"
    "freundliche grüße|mit besten grüßen|beste grüße|viele grüße|liebe grüße|herzliche grüße|schöne grüße|mfg|lg|vg|"
    "cordialement|bien cordialement|bien à vous|salutations|sincères salutations|meilleures salutations|saludos|"
    "un saludo|saludos cordiales|atentamente|un cordial saludo|cordiali saluti|distinti saluti|saluti|"
    "atenciosamente|com os melhores cumprimentos|cumprimentos|abraços|met vriendelijke groet|vriendelijke groet|"
    "groeten|groetjes|z poważaniem|pozdrawiam|serdecznie pozdrawiam"
)
THANKS_CLOSINGS = (
    "thanks|many thanks|thank you|thanks in advance|thank you in advance|thanks a lot|cheers|danke|vielen dank|"
    "danke im voraus|vielen dank im voraus|merci|merci d'avance|merci beaucoup|gracias|muchas gracias|grazie|obrigado|"
    "obrigada|bedankt|alvast bedankt|dziękuję|z góry dziękuję"
)
SENT_FROM = (
    "sent from|sent via|get outlook for|von meinem|gesendet von|gesendet mit|envoyé de|envoyé depuis|"
    "télécharger outlook|enviado desde|enviado do|inviato da|verzonden met|verstuurd vanaf|wysłano z|wysłane z"
)
WROTE = "wrote|writes|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|napisał|napisała|napisał\\(a\\)"
HEADERS = (
    "from|to|cc|sent|date|subject|von|an|gesendet|datum|betreff|de|à|envoyé|objet|para|enviado|enviado el|fecha|asunto|"
    "da|a|inviato|data|oggetto|van|aan|verzonden|onderwerp|od|do|wysłano|temat"
)
FORWARDS = (
    "original message|forwarded message|begin forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|"
    "message d'origine|message transféré|début du message réexpédié|mensaje original|mensaje reenviado|"
    "messaggio originale|messaggio inoltrato|mensagem original|oorspronkelijk bericht|wiadomość oryginalna"
)
ABBREVIATIONS = _of(
    "approx art bzw ca cf co corp dept dr e.g eg et al etc ev evtl fig ggf i.e ie inc incl inkl jr ltd max min mr mrs "
    "ms nr no p.s ph prof resp s.o sog sr st str tel u.a u.s usw vgl vol vs z.b zzgl bd chap ex p pp vol av ud sra "
    "jan feb mar apr jun jul aug sep sept oct okt nov dec dez"
)
MONTHS = _of(
    "january february march april may june july august september october november december januar februar märz mai "
    "juni juli oktober dezember janvier février mars avril juin juillet août septembre octobre novembre décembre "
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
)
FORMS = (
    "break broke broken / buy bought / child children / choose chose chosen / come came / fall fell fallen / "
    "find found / fly flew flown flight flights / forget forgot forgotten / give gave given / keep kept / "
    "lose lost / pay paid / send sent / sell sold / tear tore torn / write wrote written"
)
IRREGULAR = {form: group.split()[0] for group in FORMS.split("/") for form in group.split()[1:]}
PERSON = (
    r"\b(?:speak|talk|chat|connect me|transfer me|put me through|escalate(?: this| me)?|pass me on) (?:to|with) "
    r"(?:a |an |the |your |some |any |one of your )?(?:real |live |actual |human )?"
    r"(?:human|person|people|agent|someone|somebody|representative|rep|manager|supervisor|staff|colleague|operator|"
    r"support team|team member|member of staff)",
    r"\b(?:i want|i need|i would like|i'd like|give me|get me|can i have|may i have|let me have) "
    r"(?:a |an |the )?(?:real |live |actual )?(?:human|person|agent|representative|operator)\b",
    r"\b(?:real|actual|live|human) (?:person|human|being|agent)(?: please|,? bitte)?[.!]*$",
    r"^(?:agent|human|person|operator|representative)(?: please)?[.!]*$",
    r"\bmit (?:einem |einer |dem |der )?(?:echten |richtigen )?"
    r"(?:menschen|mitarbeiter|mitarbeiterin|person|kollegen|berater|jemandem)\b[^.!?\n]{0,40}"
    r"(?:sprechen|reden|schreiben|verbinden|verbunden|chatten)",
    r"\b(?:parler|discuter|échanger) (?:à|avec) (?:un |une |quelqu)(?:vrai |vraie )?"
    r"(?:humain|personne|conseiller|conseillère|agent|responsable|.un)",
    r"\bhablar con (?:un |una |el |la )?(?:persona|humano|agente|encargado|responsable|alguien)",
    r"\bparlare con (?:un |una |un')?(?:persona|operatore|umano|essere umano|qualcuno)",
    r"\bfalar com (?:um |uma )?(?:pessoa|humano|atendente|alguém)",
    r"\b(?:een mens|medewerker|iemand) (?:spreken|praten)",
    r"\b(?:rozmawiać|porozmawiać) z (?:człowiekiem|konsultantem|kimś)",
)
AUTO_SUBJECT = (
    "automatic reply|auto-reply|autoreply|auto reply|auto response|autoresponse|out of office|out of the office|"
    "abwesenheit|abwesend|automatische antwort|réponse automatique|absence du bureau|absent du bureau|"
    "respuesta automática|fuera de la oficina|risposta automatica|fuori ufficio|resposta automática|ausência|"
    "automatisch antwoord|afwezig|odpowiedź automatyczna|autoodpowiedź"
)
AUTO_TEXT = (
    r"\b(?:i am|i'm|we are) (?:currently |now )?(?:out of (?:the )?office|on (?:annual |parental |sick )?leave|"
    r"away from my (?:desk|e-?mail))",
    r"\bthis is an? (?:automated|automatic|auto-generated) (?:message|reply|response|e-?mail)",
    r"\bich bin [^.!?\n]{0,60}(?:nicht im büro|nicht im hause|abwesend|außer haus|im urlaub)",
    r"\bdies ist eine automatische",
    r"\bje suis (?:actuellement )?(?:absent|absente|en congé)",
    r"\bestoy fuera de la oficina|\beste es un mensaje automático",
)
BOUNCE = (
    "delivery status notification|undeliverable|undelivered mail|mail delivery failed|mail delivery subsystem|"
    "returned mail|failure notice|unzustellbar|nicht zustellbar|mail system error|non remis|no se puede entregar"
)
