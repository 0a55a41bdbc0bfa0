"""Closed word classes and irregular forms of English that the extraction's rules look at.

Everything is lower case. The lists are short on purpose: a word is listed where a rule would go
wrong without it.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


AUXILIARIES = _words("""
    am is are was were be been being 'm 're 's 've 'd 'll have has had do does did will would
    can could shall should may might must ca wo ai gonna gotta wanna cannot
""")
MODALS = _words("""
    will would can could shall should may might must 'll
""")
HYPOTHETICAL = _words("""
    would could might may should
""")

PRONOUN_SUBJECTS = _words("""
    i we he she they it you this that there
""")
DETERMINERS = _words("""
    a an the my our his her their its your this that these those some any no every each another
    both all two three four five six seven eight nine ten many several
""")
PREPOSITIONS = _words("""
    about across after against along among around as at before behind below beside between
    beyond by down during except for from in inside into like near of off on onto out outside
    over past since through throughout till to toward towards under until up upon via with
    within without w
""")
CONJUNCTIONS = _words("""
    and but or so yet because although though while whereas
""")

ADVERBS = _words("""
    always usually often sometimes never rarely seldom generally normally mostly mainly still
    already now currently just also really actually basically literally totally even only almost
    nearly probably definitely finally recently ever once twice soon then too kinda sorta pretty
    very quite so honestly obviously clearly maybe perhaps hardly barely simply truly absolutely
    both all not n't no longer well officially originally initially previously first later once
""")
DROPPED_ADVERBS = _words("""
    just also actually basically literally honestly obviously clearly simply truly like kinda
    sorta totally even absolutely
""")
NOT_ADVERBS = _words("""
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
NOT_PAST_ED = _words("""
    need feed speed bleed seed weed breed exceed proceed succeed red bed shed wed hundred indeed
    embed sacred wicked naked kindred ted fred tired excited interested
""")

VERBS = frozenset(IRREGULAR) | _words("""
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
NOUN_LIKE_VERBS = _words("""
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

FEMALE = _words("""
    nan nanna mam
    sister sis wife mother mom mum mama daughter aunt auntie grandmother grandma gran nana niece
    girlfriend gf fiancée mother-in-law sister-in-law daughter-in-law girl stepmother stepmom
    stepsister granddaughter ex-wife
""")
MALE = _words("""
    grandad
    brother bro husband father dad papa son uncle grandfather grandpa granddad nephew boyfriend
    bf father-in-law brother-in-law son-in-law boy stepfather stepdad stepbrother grandson
    ex-husband
""")
PARTNERS = _words("""
    wife husband partner girlfriend boyfriend fiancé fiancée fiance fiancee spouse gf bf
""")
SINGLE_RELATIONS = PARTNERS | _words("""
    mother mom mum father dad boss manager therapist dentist landlord landlady supervisor lead
    advisor ex roommate flatmate name
""")
PEOPLE = (
    FEMALE
    | MALE
    | PARTNERS
    | SINGLE_RELATIONS - {"name"}
    | _words("""
    friend bestie mate pal buddy cousin colleague coworker co-worker neighbour neighbor teacher
    doctor coach trainer child kid baby toddler twin sibling parent grandparent parents kids
    children twins grandchild grandson granddaughter stepson stepdaughter godson goddaughter
    godmother godfather roommate housemate classmate student mentor assistant teammate brothers
    sisters sons daughters friends cousins nephews nieces grandchildren grandkids siblings
    grandparents in-laws colleagues coworkers uncle nanny babysitter professor tutor client
""")
)
PETS = _words("""
    dog dogs puppy pup cat cats kitten kittens rabbit bunny hamster parrot horse pony gecko
    lizard snake tortoise turtle fish goldfish bird budgie guinea pig ferret hen hens chicken
    chickens goat rat pet labrador retriever beagle poodle terrier spaniel corgi collie shepherd
    dachshund bulldog greyhound husky tabby
""")

FUNCTION_WORDS = _words("""
    the a an and or but of to in on at for with from by about is are was were be been am i i'm
    i've i'd i'll you he she it we they me my your his her our their this that these those not
    don't didn't have has had do does did will would can could just so if because when what how
    who which where there as than then too very really some any no yes it's that's can't im ive
    dont we're we've they're out up into over after before since also get got go going want like
    know
""")
FOREIGN_FUNCTION_WORDS = _words("""
    el la los las un una de del que y en es por para con mi mis su se yo muy pero como más está
    le les des du et je il elle nous vous dans pour avec sur mon ma mes est suis pas ne qui une
    ai der die das und ist ich nicht ein eine mit auf für von zu mein meine wir sie auch im den
    dem habe bin o os as um uma do da não com meu minha eu são di che il sono non ho mio gli
    della per het een ik niet mijn och att är jag det som på min
""")

EVENT_NOUNS = _words("""
    test exam appointment interview meeting flight match game gig concert wedding party trip
    presentation deadline class lesson race shift surgery checkup recital date call
    wedding ceremony funeral conference marathon course viewing move operation holiday festival
    audition hearing trial defence defense scan due launch exams
""")

CHAT_NOUNS = _words("""
    question point bad apologies understanding guess thoughts opinion request issue problem concern
    mistake god gosh goodness pleasure turn answer
""")
ADJECTIVES = _words("""
    allergic vegetarian vegan married single divorced retired pregnant engaged unemployed
""")
NOT_GERUNDS = _words("""
    something nothing anything everything morning evening during king ring spring string wing thing
    ceiling bring sing sting cling swing fling sling wedding building sibling darling
""")
PLANNING_VERBS = _words("""
    booked scheduled reserved arranged planned invited registered enrolled rescheduled postponed
""")

INTRANSITIVE_HABITS = _words("""
    sleep work travel commute
    smoke drink vape nap snore drive swim run cook jog meditate paint sing dance garden knit cycle
    ski surf climb pray hike freelance volunteer
""")
