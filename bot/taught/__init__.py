"""All that a team has taught, as a folder that can be taken away and brought back here or elsewhere.

    manifest.json           product, format, when, and of each of the others how many rows it has and its SHA-256
    entries/                every entry in force as Markdown, for people and for `import articles`; not read back
    forgotten.jsonl.gz      events: of which conversations all up to a time was forgotten (ids and times alone)
    entries.jsonl.gz        every version of every entry, retired or not, in the order they came
    places.jsonl.gz         what was taken in from elsewhere: its id there, its digest, and the ids of what it became
    rules.jsonl.gz          every version of every rule, with when it came
    policies.jsonl.gz       every version of the policy, with who put it in force and when
    conversations.jsonl.gz  as `bot.cases` has them, with all else that we saw of each
    corrections.jsonl.gz    drafts of which something became: the draft, the outcome, and how what was sent differed
    interventions.jsonl.gz  what people did where the bot did not or could not answer, and the proposal it went into
    past.jsonl.gz           past replies, for suggestions
    proposals.jsonl.gz      every proposal of words with how it was decided and why
    signals.jsonl.gz        in the order they came: what learners are a fold over

Lines are values of `bot.model`, in JSON with the names of their fields, beside what `bot.taught.lines` adds. A field
that is missing has its default, one that is not known is left out; where that is not enough, FORMAT counts up.

What does not travel: what gives somebody power (persons, passwords, licences, links and buttons), what is on its way
(work, deliveries, drafts that nothing became of yet), the audit, which has an export of its own, and which of two
entries stays: whoever takes entries in has them compared there, and asks its own leads.
"""
