"""Word lists of English, from which the core derives all others.

Words are lower case, apart from the names of months and days. The lists are short on purpose: a
word is listed where a rule would go wrong without it.
"""


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = tuple(month.lower() for month in MONTHS)
DAY_NAMES = tuple(day.lower() for day in WEEKDAYS)
SHORT_MONTHS = tuple(month[:3] for month in MONTH_NAMES)
SHORT_DAYS = tuple(day[:3] for day in DAY_NAMES)

UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
"""Words of the numbers from 0 to 19; the position of a word is its number."""

TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth",
)  # fmt: skip

ARTICLES = word_set("a an the")
DEMONSTRATIVES = word_set("this that these those")
SUBJECT_PRONOUNS = word_set("i you he she it we they")
OBJECT_PRONOUNS = word_set("me you him her it us them")
POSSESSIVES = word_set("my your his her its our their")
POSSESSIVE_PRONOUNS = word_set("mine yours hers ours theirs")
REFLEXIVES = word_set("myself yourself yourselves himself herself itself ourselves themselves")
FORMS_OF_BE = word_set("am is are was were be been being")
FORMS_OF_HAVE = word_set("have has had having")
FORMS_OF_DO = word_set("do does did")
MODALS = word_set("will would can could shall should may might must 'll")

DETERMINERS = (
    ARTICLES
    | POSSESSIVES
    | DEMONSTRATIVES
    | frozenset(UNITS[2:11])
    | word_set("some any no every each another both all many several")
)
PREPOSITIONS = word_set("""
    about across after against along among around as at before behind below beside between
    beyond by down during except for from in inside into like near of off on onto out outside
    over past since through throughout till to toward towards under until up upon via with
    within without w
""")
CONJUNCTIONS = word_set("""
    and but or so yet because although though while whereas
""")
CLOSED_CLASSES = DETERMINERS | PREPOSITIONS | CONJUNCTIONS
PARTICLES = word_set("up off out down over around")
"""Prepositions that end a sentence as part of its verb: "gave up"."""
PERSONAL = (
    SUBJECT_PRONOUNS
    | OBJECT_PRONOUNS
    | (POSSESSIVES - {"my", "our"})
    | POSSESSIVE_PRONOUNS
    | REFLEXIVES
    | DEMONSTRATIVES
    | word_set("""
        u ur thats theyre hes shes theres here there then such same other others another else ones
        so
    """)
)
"""Words that mean a person or thing named elsewhere."""
JOINING = CONJUNCTIONS | word_set("""
    nor if unless when whenever before after until till since than who whom whose which what where
    why how whether as like plus cuz cos bc
""")
TALK = word_set("""
    gonna wanna gotta lol ha haha hehe lmao tho btw tbh ngl rn omg pls please thanks thank ok okay
    yeah yes sorry maybe perhaps probably hopefully kinda sorta option options idea ideas suggestion
    suggestions tips advice help question questions
""")

ADVERBS = word_set("""
    always usually often sometimes never rarely seldom generally normally mostly mainly still
    already now currently just also really actually basically literally totally even only almost
    nearly probably definitely finally recently ever once twice soon then too kinda sorta pretty
    very quite so honestly obviously clearly maybe perhaps hardly barely simply truly absolutely
    both all not n't no longer well officially originally initially previously first later once
""")

_IRREGULAR = """
be was been|become became become|begin began begun|bend bent bent|bite bit bitten|bleed bled bled
blow blew blown|break broke broken|breed bred bred|bring brought brought|build built built
buy bought bought|catch caught caught|choose chose chosen|come came come|deal dealt dealt
dig dug dug|do did done|draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten
fall fell fallen|feed fed fed|feel felt felt|fight fought fought|find found found|fly flew flown
forget forgot forgotten|forgive forgave forgiven|freeze froze frozen|get got gotten|give gave given
go went gone|grow grew grown|hang hung hung|have had had|hear heard heard|hide hid hidden
hold held held|keep kept kept|know knew known|lead led led|leave left left|lend lent lent
lose lost lost|make made made|mean meant meant|meet met met|pay paid paid|ride rode ridden
ring rang rung|rise rose risen|run ran run|say said said|see saw seen|sell sold sold|send sent sent
shake shook shaken|shine shone shone|shoot shot shot|show showed shown|shrink shrank shrunk
sing sang sung|sink sank sunk|sit sat sat|sleep slept slept|speak spoke spoken|spend spent spent
stand stood stood|steal stole stolen|stick stuck stuck|sting stung stung|strike struck struck
swear swore sworn|sweep swept swept|swim swam swum|swing swung swung|take took taken
teach taught taught|tear tore torn|tell told told|think thought thought|throw threw thrown
understand understood understood|wake woke woken|wear wore worn|weep wept wept|win won won
withdraw withdrew withdrawn|write wrote written|learn learnt learnt|dream dreamt dreamt
burn burnt burnt|spell spelt spelt|undergo underwent undergone|overcome overcame overcome
retake retook retaken|redo redid redone|rewrite rewrote rewritten|rebuild rebuilt rebuilt
quit quit quit|cut cut cut|hit hit hit|hurt hurt hurt|let let let|put put put|set set set
shut shut shut|split split split|spread spread spread|cost cost cost|bet bet bet|read read read
"""
IRREGULAR = {
    forms[0]: (forms[1], forms[2])
    for line in _IRREGULAR.split("\n")
    for forms in (entry.split() for entry in line.split("|") if entry)
}
PASTS = frozenset(past for past, _ in IRREGULAR.values())
PARTICIPLES = frozenset(participle for _, participle in IRREGULAR.values())
UNCHANGED_PASTS = frozenset(base for base, (past, _) in IRREGULAR.items() if base == past)
NOUN_LIKE_PASTS = word_set("bet bit cost led lent rose sat shot spelt split spread")
VERB_OF_FORM = {
    form: verb for verb, forms in IRREGULAR.items() for form in forms if form not in NOUN_LIKE_PASTS
} | {"has": "have", "does": "do"}
"""Verbs by their irregular forms, without forms that are more often another word."""


VERBS_OF_TALK = word_set("""
    think guess suppose mean wonder assume agree appreciate figure bet promise swear apologise
    apologize thank believe ask tell doubt hear imagine understand notice wish forget sound realise
    realize know remember say feel mention seem matter expect let mind suggest explain check
    consider
""")
"""Verbs that speak of the conversation, or of what is thought in a further clause."""
VERBS = (frozenset(IRREGULAR) - VERBS_OF_TALK) | word_set("""
    accept add adopt adore aim allow annoy apply arrive attend audit avoid babysit bake bark
    belong book borrow box brew call cancel care carry carve celebrate chair change clean climb
    close coach code collect commute complete compose convert cook count cover crave crochet
    cycle dance date decide delay deliver depend deserve design develop diagnose die discover
    dislike divorce donate drop drown earn edit email end enjoy enrol enroll enter exercise
    expire explore export fail farm fast fear fence finish fish fit fix flee focus follow force
    foster freelance gain garden graduate grill groom handle hate head heal help hike hire hope
    host illustrate import improve include inherit inject injure insist install insure intend
    interview invest invite involve jog join juggle kick kill knit lack laugh launch lift like
    listen live look love lower major manage marry meditate mentor migrate miss move mow name
    nap need negotiate nurse offer open operate order organise organize outgrow owe own pack
    paint park pass perform phone photograph pick pitch plan plant play pop postpone practice
    practise pray predict prefer prepare present print produce program propose publish pull
    purchase push quilt race raise reach receive recommend record recover refuse register
    rehearse relax relocate rely remodel remove renew renovate rent repair replace report
    require research respond rest restart restore retire return review revise roast row rush
    sail save schedule score search serve settle sew share shop sign skate sketch ski skip smoke
    snack snore solve sort specialise specialize stammer stare start stay steam stop store
    stream stretch struggle study stutter subscribe suffer supervise supply support surf survey
    swap switch tackle talk taste tend tolerate tour trade train transfer translate travel treat
    trust try turn tutor type unpack update upgrade use vape visit volunteer vote wait walk want
    warm wash waste watch weigh welcome weld work worry wrestle yell
""")
"""Verbs that say what somebody does, has or is."""
VERBS_OF_THINGS = word_set("""
    need end come go hurt start begin work cost die break fail burn move pass expire arrive stop
    close open leave
""")
"""Verbs behind which a past form is no participle: "my laptop died"."""
VERBS_WITH_TIMES = word_set("""
    love hate like enjoy dislike miss prefer adore dread spend celebrate skip book want need
""")
"""Verbs whose object may be a time."""
MOODS = word_set("""
    sure sorry glad fine ok okay good great done back wondering thinking hoping asking curious
    kidding joking afraid aware confused right wrong guessing grateful thankful stuck torn ready
    excited thrilled looking feeling having happy tired sad bored exhausted interested impressed
    lucky annoyed angry furious nervous freaking proud terrified calm hungry cold
""")
"""Words behind "I am" that speak of the moment or of the conversation."""

_PEOPLE: tuple[tuple[str, str], ...] = (
    ("partner relative sole", "boyfriend fiancé fiancée girlfriend husband partner spouse wife"),
    ("partner relative", "fiance fiancee"),
    ("partner", "bf gf"),
    ("relative sole", "boss father father-in-law mother mother-in-law"),
    ("relative",
     "aunt baby brother brother-in-law brothers child children co-worker coach colleague cousin "
     "coworker dad dentist daughter daughters doctor flatmate friend friends granddaughter "
     "grandfather grandma grandmother grandpa grandson kid kids manager mentor mom mum neighbor "
     "neighbour nephew niece parents roommate sibling sister sister-in-law sisters son sons "
     "stepdaughter stepfather stepmother stepson teacher therapist twin twins uncle"),
    ("",
     "advisor assistant auntie babysitter bestie boy bro buddy classmate client colleagues cousins "
     "coworkers daughter-in-law ex ex-husband ex-wife girl goddaughter godfather godmother godson "
     "gran grandad grandchild grandchildren granddad grandkids grandparent grandparents housemate "
     "in-laws landlady landlord lead mam mama mate nan nana nanna nanny nephews nieces pal papa "
     "parent professor siblings sis son-in-law stepbrother stepdad stepmom stepsister student "
     "supervisor teammate toddler trainer tutor"),
)  # fmt: skip
"""Nouns for people, with their traits.

partner: of a couple. relative: what "User's ..." says is about them. sole: another one takes the
place of the one before.
"""


def _people(trait: str) -> frozenset[str]:
    return frozenset(
        word for traits, words in _PEOPLE if trait in traits.split() for word in words.split()
    )


PEOPLE = frozenset(word for _, words in _PEOPLE for word in words.split())
PARTNERS = _people("partner")
RELATIVES = _people("relative")
SOLE_RELATIVES = _people("sole")
SAME_RELATIVE = {
    "mom": "mother", "mum": "mother", "dad": "father", "neighbor": "neighbour", "kid": "child",
    "kids": "children", "coworker": "colleague", "co-worker": "colleague",
    "grandma": "grandmother", "grandpa": "grandfather", "fiance": "fiancé", "fiancee": "fiancée",
}  # fmt: skip
"""Other words for a relative, with the one that stands for all."""


SEVERAL = word_set("""
    brothers children kids parents sisters sons daughters twins friends cousins colleagues coworkers
    grandchildren grandkids grandparents in-laws nephews nieces siblings cats dogs hens chickens
""")
"""Nouns for several people or animals."""

SPELLINGS = {
    "favorite": "favourite", "color": "colour", "mom": "mother", "mum": "mother", "dad": "father",
    "children": "child", "kids": "child", "kid": "child", "people": "person", "men": "man",
    "women": "woman", "wives": "wife", "neighbor": "neighbour",
}  # fmt: skip
"""Forms and spellings of a noun, brought to one."""

NAMED_PETS = word_set("""
    bird cat dog ferret fish goldfish guinea-pig hamster horse kitten lizard parrot pet pony puppy
    rabbit snake tortoise turtle
""")
"""Animals that are pets whenever the user has one; a chicken or a pig may be food."""
PETS = NAMED_PETS | word_set("""
    dogs pup cats kittens bunny gecko budgie guinea pig hen hens chicken chickens goat rat labrador
    retriever beagle poodle terrier spaniel corgi collie shepherd dachshund bulldog greyhound husky
    tabby
""")

FUNCTION_WORDS = (
    ARTICLES
    | DEMONSTRATIVES
    | SUBJECT_PRONOUNS
    | (POSSESSIVES - {"its"})
    | (FORMS_OF_BE - {"being"})
    | (FORMS_OF_HAVE - {"having"})
    | FORMS_OF_DO
) | word_set("""
    and or but of to in on at for with from by about i'm i've i'd i'll me not don't didn't will
    would can could just so if because what when how who which where there as than then too very
    really some any no yes it's that's can't im ive dont we're we've they're out up into over after
    before since also get got go going want like know
""")
"""Most common words, by which a text is recognised as English."""

LIGHT_WORDS = (
    ARTICLES
    | DEMONSTRATIVES
    | FORMS_OF_BE
    | FORMS_OF_HAVE
    | FORMS_OF_DO
    | POSSESSIVES
    | word_set("""
        of in at on hers theirs user users he she they it there very really just also still
        currently now recently actually already quite so too such who which as and own
    """)
)
"""Words of a statement that carry no content."""

STOP_WORDS = (
    ARTICLES
    | DEMONSTRATIVES
    | SUBJECT_PRONOUNS
    | OBJECT_PRONOUNS
    | POSSESSIVES
    | POSSESSIVE_PRONOUNS
    | REFLEXIVES
    | FORMS_OF_BE
    | FORMS_OF_HAVE
    | FORMS_OF_DO
    | (MODALS - {"'ll"})
    | word_set("""
        done doing ought same such other another each every either neither both all any some no none
        not nor only own more most much many few less least lot lots several enough one ones someone
        somebody something anyone anybody anything everyone everybody everything nobody nothing
        who whom whose which what when where why how and or but if then else than so because as
        while until since though although whether of at by for with without about against between
        into through during before after above below to from up down in out on off over under again
        further upon within along across around toward towards onto via per
        here there now just too very also even still yet ever never always already quite rather
        really maybe perhaps well oh ok okay yes yeah hey hi hello please thanks thank wow haha
        let lets got get gets getting go going goes gone tell told know like said say says
        i'm i've i'd i'll you're you've you'd you'll he's he'd he'll she's she'd she'll it's it'd
        it'll we're we've we'd we'll they're they've they'd they'll that's that'd that'll there's
        here's what's who's where's when's how's why's let's don't doesn't didn't isn't aren't
        wasn't weren't won't wouldn't can't cannot couldn't shouldn't haven't hasn't hadn't mustn't
        ain't s t d m re ve ll
    """)
)
"""Words that are neither indexed nor searched."""


CHAT_NOUNS = word_set("""
    question point bad apologies understanding guess thoughts opinion request issue problem concern
    mistake god gosh goodness pleasure turn answer
""")
PLANNED = word_set("""
    booked scheduled reserved arranged planned invited registered enrolled rescheduled postponed
    signed applied pushed delayed extended approved ticket tickets flight flights seat seats
    reservation booking slot appointment invitation invite offer
""")
"""Words of a past clause whose date may lie ahead: "I bought tickets for 30 May"."""

INTRANSITIVE_HABITS = word_set("""
    sleep work travel commute
    smoke drink vape nap snore stammer stutter drive swim run cook jog meditate paint sing dance
    garden knit cycle ski surf climb pray hike freelance volunteer
""")
