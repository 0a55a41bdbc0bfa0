"""Word lists of English, from which the core derives all others.

Words are lower case, apart from the names of months and days. The lists are short on purpose: a
word is listed where a rule would go wrong without it.
"""

from typing import Literal


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
HYPOTHETICAL = word_set("would could might may should")
AUXILIARIES = (FORMS_OF_BE | FORMS_OF_HAVE - {"having"} | FORMS_OF_DO | MODALS) | word_set(
    "'m 're 's 've 'd ca wo ai gonna gotta wanna cannot"
)

PRONOUN_SUBJECTS = SUBJECT_PRONOUNS | {"this", "that", "there"}
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

ADVERBS = word_set("""
    always usually often sometimes never rarely seldom generally normally mostly mainly still
    already now currently just also really actually basically literally totally even only almost
    nearly probably definitely finally recently ever once twice soon then too kinda sorta pretty
    very quite so honestly obviously clearly maybe perhaps hardly barely simply truly absolutely
    both all not n't no longer well officially originally initially previously first later once
""")
DROPPED_ADVERBS = word_set("""
    just also actually basically literally honestly obviously clearly simply truly like kinda
    sorta totally even absolutely
""")
NOT_ADVERBS = word_set("""
    family only apply reply supply rely fly july italy belly jelly ally bully friendly lonely
    daily weekly monthly yearly early elderly silly ugly lovely assembly anomaly holy lily emily
    sally molly kelly billy holly polly
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

NOT_PAST_ED = word_set("""
    need feed speed bleed seed weed breed exceed proceed succeed red bed shed wed hundred indeed
    embed sacred wicked naked kindred ted fred tired excited interested
""")

VERBS = frozenset(IRREGULAR) | word_set("""
    nap accept add adopt agree aim allow apply appreciate arrive ask attend avoid bake believe
    belong book borrow call cancel care carry celebrate change check clean climb close collect
    commute complete consider cook cost count coach crave cycle dance date decide deserve design
    dislike discover do donate earn end enjoy enrol enroll exercise expect explain explore fail
    fear finish fish fix follow freelance gain garden graduate handle happen hate help hike hope
    host identify improve include inherit injure intend invest invite join jog kick know knit
    land last laugh learn lift like listen live look love manage marry mentor mind miss move
    name need notice offer open operate order organise organize own pack paint park pass pick
    plan plant play practice practise prefer prepare promise propose pull push raise reach
    realise realize receive recommend record recover register relax rely remember remodel remove
    renew renovate rent replace report require research retire return review save search seem
    serve share shop sign skip smoke snore solve sort start stay stop stream stretch struggle
    study subscribe suffer suggest support suppose swap switch talk taste tend thank train
    transfer travel treat trust try turn upgrade use visit volunteer wait walk want wash waste
    watch weigh welcome wish wonder work worry adore suck bark bother consist contain cover
    depend depend drop enter help attract damage deliver develop diagnose divorce drop email fit
    focus force grill guess head heal hire hurt install interview involve juggle kill lack
    launch lower major meditate migrate mow negotiate outgrow owe perform phone photograph pitch
    pop postpone pray predict present print produce publish purchase quilt race rehearse
    relocate repair respond rest restart revise roast row rush sail schedule score scare settle
    sew ski snack sound specialise specialize stare steam store supervise supply tackle tolerate
    tour tutor unpack update volunteer vape vote warm yell annoy
""")
NOUN_LIKE_VERBS = word_set("""
    travel work plan change show run walk drink love like hope need help cook book date end fish
    garden hike host land last look mind name order park pass pick plant play practice record
    report rent rest research return review search share shop sign smoke sort start stay stop
    stream study support swap switch talk taste train transfer treat trust turn use visit wait
    wash watch wish wonder worry race row rush sail schedule score sound store supply tour
    update vote interview email phone head focus fit drop cover damage force grill lack launch
    major present print purchase roast set put cut hit cost call care check clean close count
    coach dance design exercise fear fix gain handle kick offer paint pack push raise reach
    remodel repair snack coast set drive cycle climb call lift deal feed feel fight find fly
    hold keep lead ride ring rise shake sing sleep swim swing win stand break build catch draw
    dream fall run leave
""")
PLAIN_VERBS = VERBS - NOUN_LIKE_VERBS

Person = Literal["f", "m", ""]
_PEOPLE: tuple[tuple[Person, str, str], ...] = (
    ("f", "partner single relative sole", "fiancée girlfriend wife"),
    ("f", "partner single", "gf"),
    ("f", "single relative sole", "mother"),
    ("f", "single relative", "mom mum"),
    ("f", "relative sole", "mother-in-law"),
    ("f", "relative",
     "aunt daughter granddaughter grandma grandmother niece sister sister-in-law stepmother"),
    ("f", "",
     "auntie daughter-in-law ex-wife girl gran mam mama nan nana nanna sis stepmom stepsister"),
    ("m", "partner single relative sole", "boyfriend husband"),
    ("m", "partner single", "bf"),
    ("m", "single relative sole", "father"),
    ("m", "single relative", "dad"),
    ("m", "relative sole", "father-in-law"),
    ("m", "relative",
     "brother brother-in-law grandfather grandpa grandson nephew son stepfather uncle"),
    ("m", "", "boy bro ex-husband grandad granddad papa son-in-law stepbrother stepdad"),
    ("", "partner single relative sole", "fiancé partner spouse"),
    ("", "partner single relative", "fiance fiancee"),
    ("", "single relative sole", "boss"),
    ("", "single relative", "dentist flatmate manager roommate therapist"),
    ("", "single", "advisor ex landlady landlord lead supervisor"),
    ("", "relative",
     "baby brothers child children co-worker coach colleague cousin coworker daughters doctor "
     "friend friends kid kids mentor neighbor neighbour parents sibling sisters sons stepdaughter "
     "stepson teacher twin twins"),
    ("", "",
     "assistant babysitter bestie buddy classmate client colleagues cousins coworkers goddaughter "
     "godfather godmother godson grandchild grandchildren grandkids grandparent grandparents "
     "housemate in-laws mate nanny nephews nieces pal parent professor siblings student teammate "
     "toddler trainer tutor"),
)  # fmt: skip
"""Nouns for people by pronoun, with their traits.

partner: of a couple. single: one has one of them, so a name may follow ("my boss Ana"). relative:
what "User's ..." says is about them. sole: another one takes the place of the one before.
"""


def _people(trait: str) -> frozenset[str]:
    return frozenset(
        word for _, traits, words in _PEOPLE if trait in traits.split() for word in words.split()
    )


PEOPLE = frozenset(word for _, _, words in _PEOPLE for word in words.split())
FEMALE = frozenset(word for person, _, words in _PEOPLE if person == "f" for word in words.split())
MALE = frozenset(word for person, _, words in _PEOPLE if person == "m" for word in words.split())
PARTNERS = _people("partner")
SINGLE_RELATIONS = _people("single") | {"name"}
RELATIVES = _people("relative")
SOLE_RELATIVES = _people("sole")
SAME_RELATIVE = {
    "mom": "mother", "mum": "mother", "dad": "father", "neighbor": "neighbour", "kid": "child",
    "kids": "children", "coworker": "colleague", "co-worker": "colleague",
    "grandma": "grandmother", "grandpa": "grandfather", "fiance": "fiancé", "fiancee": "fiancée",
}  # fmt: skip
"""Other words for a relative, with the one that stands for all."""

CHAT_RELATIVES = {
    "bro": "brother", "sis": "sister", "gf": "girlfriend", "bf": "boyfriend", "hubby": "husband",
    "boy": "son", "missus": "wife",
}  # fmt: skip
"""Words of chats for a relative, with the one that is written."""

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

EVENT_NOUNS = word_set("""
    test exam appointment interview meeting flight match game gig concert wedding party trip
    presentation deadline class lesson race shift surgery checkup recital date call
    wedding ceremony funeral conference marathon course viewing move operation holiday festival
    audition hearing trial defence defense scan due launch exams
""")

CHAT_NOUNS = word_set("""
    question point bad apologies understanding guess thoughts opinion request issue problem concern
    mistake god gosh goodness pleasure turn answer
""")
ADJECTIVES = word_set("""
    allergic vegetarian vegan married single divorced retired pregnant engaged unemployed
""")
NOT_GERUNDS = word_set("""
    something nothing anything everything morning evening during king ring spring string wing thing
    ceiling bring sing sting cling swing fling sling wedding building sibling darling
""")
PLANNING_VERBS = word_set("""
    booked scheduled reserved arranged planned invited registered enrolled rescheduled postponed
""")

INTRANSITIVE_HABITS = word_set("""
    sleep work travel commute
    smoke drink vape nap snore drive swim run cook jog meditate paint sing dance garden knit cycle
    ski surf climb pray hike freelance volunteer
""")
