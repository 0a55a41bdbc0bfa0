"""Finds text that speaks to a language model instead of telling about a person.

What is looked for has a form that people who tell about themselves hardly use: orders to the AI,
claims about its prompt, granted rights, calls of tools, tags. A wish about the form of answers
("always answer in German", "call me Sam") is none of these.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from hitherto.core.context.fence import has_tag
from hitherto.core.text.normal_form import nfkc
from hitherto.models import QuarantineKind

QUOTED_CHARS = 120
"""How much of what gave a text away is quoted."""

MAX_CHARS = 40_000
"""Of a longer text only this much is looked at; extraction reads half of it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What gave a text away: of which kind it is, the words, and where they start in `plain`."""

    kind: QuarantineKind
    quote: str


_AI = r"(?:assistant|ai|a\.i\.|model|chat ?bot|bot|llm|agent)"
_PROMOTE = (
    r"(?:recommend|suggest|promot|advertis|endors|prais|mention|push|steer|redirect|rout|direct"
    r"|refer|link|send|forward|e-?mail|upload|post|reveal|disclos|leak|approv|grant|transfer|pay"
    r"|buy|purchas|order|trust|obey|comply|prioriti[sz]|insert|append|includ|delet|eras|execut)\w*"
)
_ACT = (
    r"(?:recommend|suggest|promote|advertise|endorse|praise|mention|push|steer|redirect|route"
    r"|direct|refer|link|send|forward|e-?mail|upload|post|reveal|disclose|leak|approve|grant"
    r"|transfer|pay|buy|purchase|order|trust|obey|comply|prioriti[sz]e|insert|append|include"
    r"|delete|erase|execute|say|tell|reply|respond|answer|claim|state|insist|deny|refuse|pretend"
    r"|give|provide|add|output|print|run|call|point|ignore|act|behave|treat|follow|believe|assume"
    r"|remember|store|save|start|begin|end|sign|use|invite|offer|warn|hide|conceal|quote|cite"
    r"|convince|persuade|encourage|urge|ask|click|open|visit|write|speak|talk|sell|book|choose"
    r"|pick|name|confirm|verify|switch|stop)\b"
)
_VERB = (
    r"(?:praise|bring|talk|slip|steer|work|weave|plug|hint|drop|lead|nudge|urge|lure|"
    + _ACT[3:-3]
    + r")\b"
)
_BARE = r"(?:\A|[.!?:;,\n\"'(—–-]\s?|\b(?:please|then|must|should|shall|will|now|also)\s)"
_WITHIN = r"[^.!?\n]"

_OVERRIDE = (
    r"\b(?:ignore|disregard|forget|bypass|override|overwrite|discard|drop|neglect|skip|delete)\s"
    r"(?:\w+\s){0,3}?(?:previous|prior|above|earlier|preceding|past|existing|original|initial|all"
    r"|any|every|your|system|safety|former)\s(?:\w+\s){0,3}?(?:instructions?|prompts?|rules?"
    r"|guidelines?|directives?|constraints?|restrictions?|orders?|policies|policy|filters?"
    r"|training|programming|guardrails?|context)\b",
    r"\b(?:ignore|disregard|forget|bypass|override|discard)\s(?:\w+\s){0,2}?(?:instructions?"
    r"|prompts?|rules?|guidelines?|directives?|constraints?|restrictions?|orders?) (?:\w+ ){0,2}?"
    r"(?:above|before|so far|until now|given|gave|told|set)\b",
    r"\b(?:new|updated|revised|real|actual|secret|hidden) (?:system )?(?:instructions?|directives?"
    r"|orders?|rules?)(?: for you| from now on)?\s?:",
    r"\b(?:you are (?:now )?(?:in|entering)|enter|enable|activate|switch (?:in)?to|unlock)"
    r" (?:the )?(?:developer|dev|god|dan|debug|admin|root|maintenance|jailbreak|unrestricted"
    r"|override|sudo) mode\b",
    r"\b(?:act as|pretend (?:to be|you are|that you are)|you are (?:now )?|role-?play as|become)"
    r" ?(?:an? |the )?(?:dan\b|jailbroken|unrestricted|unfiltered|uncensored|evil|rogue"
    r"|(?:system )?administrator|root user|ai without|model without|assistant without"
    r"|different ai|new ai)",
    r"\b(?:without|no) (?:any )?(?:restrictions|guardrails|safety (?:rules|filters)|filters"
    r"|content policy)\b" + _WITHIN + r"{0,30}\b(?:respond|answer|act|comply|you)\b",
    r"\b(?:do not|don't|stop) (?:follow|obey|apply|use)(?:ing)? (?:\w+ ){0,2}(?:previous|prior"
    r"|earlier|system|original|safety|your) (?:\w+ ){0,2}(?:instructions?|rules?|guidelines?"
    r"|prompts?)\b",
    r"\b(?:your|you were|you have been|you've been|you|earlier|previous|prior|old|former)\b"
    + _WITHIN
    + r"{0,30}\b(?:instructions?|guidance|guidelines?|rules?|orders?|directives?|polic(?:y|ies)"
    r"|prompts?|constraints?|restrictions?|told|taught|programmed|configured)\b"
    + _WITHIN
    + r"{0,30}\b(?:void|no longer (?:counts?|apply|applies|valid|hold)|(?:are|is) (?:cancelled"
    r"|canceled|suspended|lifted|revoked|obsolete|outdated|replaced|off|over)"
    r"|do(?:es)? not (?:count"
    r"|apply)|don't (?:count|apply)|expired)\b",
    r"\b(?:ignore|forget|disregard|discard)\s(?:about )?(?:everything|all|anything"
    r"|whatever) (?:that )?"
    r"(?:you|i|we|they)\b" + _WITHIN + r"{0,40}\b(?:told|said|know|learn\w*|taught|given|wrote"
    r"|before)\b",
    r"(?:\A|[\n.!?]\s?)(?:override|command|directive|new rule|instruction to (?:the )?"
    + _AI
    + r")\s?:",
    r"\b(?:set|put|leave) aside|(?:suspend|lift|waive|relax|break|violate|circumvent|disable|switch"
    r" off|turn off|get around|replace|overwrite|reset|erase|wipe)\s(?:\w+ ){0,2}?(?:your|safety"
    r"|content|all|what you) (?:\w+ ){0,2}?(?:polic(?:y|ies)|rules?|guidelines?|instructions?"
    r"|filters?|restrictions?|guardrails?|know|memor(?:y|ies)|were told|safeguards?|limits?)\b",
    r"\b(?:following|these|below|next) (?:\w+ )?(?:rules|instructions|orders|guidelines) (?:\w+ )?"
    r"(?:replace|supersede|override|apply from|take precedence|count|are in force)",
    # The same in other languages that conversations are often held in.
    r"\b(?:ignoriere?|vergiss|missachte) (?:\w+ ){0,2}(?:vorherigen|bisherigen|obigen|früheren"
    r"|deine) (?:\w+ ){0,2}(?:anweisungen|regeln|vorgaben|instruktionen)\b",
    r"\b(?:ignora|olvida|descarta) (?:\w+ ){0,3}(?:instrucciones|reglas|indicaciones)\b",
    r"\b(?:ignore[zr]?|oublie[zr]?) (?:\w+ ){0,3}(?:instructions|consignes|règles)"
    r" (?:précédentes|antérieures|ci-dessus)\b",
    r"\b(?:ignore|ignora|esqueça|dimentica) (?:\w+ ){0,3}(?:instruções|istruzioni|regras|regole)\b",
)
_DIRECTIVE = (
    r"\bfrom (?:now|here|this point|today|this moment) (?:on|onwards?|forward)[, ]+(?:you\b|the "
    + _AI
    + r"\b|all (?:of )?your|every (?:answer|reply|response)|(?:always |never |only |do not "
    r"|don't )*" + _ACT + r")",
    r"\b(?:you|the " + _AI + r") (?:must|shall|are (?:now )?(?:required|instructed|ordered|obliged"
    r"|programmed|commanded) to|should (?:always|never)|(?:will|must|have to) (?:always"
    r"|never))(?: again| ever)?"
    r" (?:now |only |also |always |never |not |no longer )*" + _ACT,
    _BARE + r"(?:you (?:must |should |will )?)?(?:always|make sure to always) " + _PROMOTE,
    _BARE + r"never (?:refuse|question|doubt|verify|warn|decline|recommend|suggest|mention|trust"
    r"|ask for (?:confirmation|permission))\b(?!" + _WITHIN + r"{0,60}\b(?:me|my|i)\b)",
    r"\b" + _AI + r"\b" + _WITHIN + r"{0,24}\b(?:to|should|must|shall|will|needs to|has to)"
    r" (?:always|never|only) " + _ACT,
    r"\b(?:wants?|asked|told|instructed|requested|requires?|expects?|prefers?|ordered)"
    r" (?:that )?(?:the )?" + _AI + r"(?: to)? (?:promote|push|endorse|advertise|reveal|disclose"
    r"|leak|obey|ignore|pretend|hide|conceal)\b",
    _BARE + r"(?:always )?(?:send|forward|e-?mail|upload|post|transmit|leak|exfiltrate|copy)"
    r" (?:[\w']+ ){0,4}?(?:memory|memories|conversations?|chats?|history|data|details"
    r"|credentials|passwords?|api keys?|secrets?|personal information|contacts|messages"
    r"|everything)\b(?: [\w']+){0,4}? to\b",
    r"\b(?:remember|memori[sz]e|store|save|record|note|keep in mind|add to (?:your )?memory"
    r"|update (?:your )?memory|write (?:in)?to (?:your )?memory)\b[:, ]+(?:\w+ ){0,5}?"
    r"(?:that )?(?:the|this) user(?:'s)?\b",
    r"\b(?:remember|memori[sz]e|never forget)(?: that)? you (?:must|should|always|never"
    r"|are (?:to|now))\b",
    r"\b(?:add|save|store|write|commit|insert|put|append)\b" + _WITHIN + r"{0,60}\b(?:to|in|into)"
    r" (?:your |the )?(?:long[- ]term |permanent |persistent )*memor(?:y|ies)\b",
    r"\b(?:do not|don't|never|without) (?:tell|telling|inform|informing|alert|alerting|warn|warning"
    r"|notify|notifying|let|show|showing)\b" + _WITHIN + r"{0,20}\b(?:the|this) user\b",
    r"\byour (?:(?:new|only|primary|main|real|true|secret|hidden|sole) )+(?:goal|task|objective|job"
    r"|purpose|mission|instruction|directive|role|duty)s? (?:is|are)\b",
    r"\bin (?:all|every|any) (?:future|subsequent|following|later|coming) (?:conversation|session"
    r"|chat|answer|reply|replies|response|message|interaction)s?[, ]+(?:\w+ ){0,3}?" + _ACT,
    r"\b(?:in|to|with|at|into|of) (?:each|every|all|any)(?: (?:of )?your)?(?: single| later| future"
    r"| following| further| other)? (?:repl(?:y|ies)|answers?|responses?|questions?|turns?)\b"
    r"(?<!with any questions)",
    r"\b(?:for|in) (?:all|every|any) (?:\w+ )?(?:chats?|conversations?|sessions?|answers?"
    r"|repl(?:y|ies)"
    r"|talks)(?: to come| from now on| with anyone)?\s?[:,]\s?(?:\w+ )?(?:favou?r|prefer|"
    + _ACT
    + r")",
    r"\b(?:mention|name|include|praise|favou?r|slip in|bring up) "
    + _WITHIN
    + r"{1,40}\bin (?:whatever"
    r"|everything|anything|all that) you (?:write|say|answer|do|make)\b",
    r"\bkeep (?:this|these|it) (?:order|instruction|rule|command|message|between|hidden)s?\b"
    + _WITHIN
    + r"{0,20}\b(?:secret|us|user|hidden)\b",
    r"\b(?:user|i) (?:always )?(?:wants?|asks?|asked|expects?|prefers?|requires?|likes?|requested"
    r"|needs?|would like)\b(?! to be)"
    + _WITHIN
    + r"{1,60}\bto be (?:always )?(?:recommended|mentioned|praised|plugged|pushed|promoted"
    r"|advertised|endorsed|suggested|talked|named|brought up|hidden|told about|favou?red)\b",
    r"\buser (?:always )?(?:wants?|asks?|asked|expects?|requires?|requested|prefers?)\b"
    + _WITHIN
    + r"{0,50}\b(?:repl(?:y|ies)|answers?|responses?|conversations?)\b"
    + _WITHIN
    + r"{0,12}\b(?:to"
    r"|that|with|which|for|from|contain|include|be|about)\b",
    r"\bdecode (?:this|the following|and (?:follow|execute|run))\b",
)
_ASKS = (
    r"(?:ask|mention|say|talk|bring|inquir|enquir|request|want|typ|writ|need|quer|look|book|buy"
    r"|greet|thank|discuss|consider|search|shop|plan|complain|open|start|use|order|choos|decid)\w*"
)
_SOMEBODY = (
    r"(?:the user|this user|user|users|the (?:person|human|reader|owner|speaker)|someone"
    r"|somebody|anyone|anybody|(?:a|the|any) (?:customer"
    r"|client|person|visitor|reader)|customers|people|he|she|they)"
)
_WHEN = (
    r"\b(?:when(?:ever)?|if|once|as soon as|(?:each|every|any|next|the next) ?time|the moment"
    r"|should)\b"
)
_SO = (
    r"(?:,|\bthen\b|\byou\b|\bplease\b|:|\b" + _AI + r"\b)\s?(?:you |then |please |must |should "
    r"|always |only |instead |also |the |"
    + _AI
    + r" |will |shall |has to |to |is to |simply |just "
    r"|secretly |first |never |not |do |don't )*"
)
_TRIGGER = (
    _WHEN
    + _WITHIN
    + r"{0,20}\b"
    + _SOMEBODY
    + r"\b"
    + _WITHIN
    + r"{0,20}\b"
    + _ASKS
    + r"\b"
    + _WITHIN
    + r"{0,120}?"
    + _SO
    + _ACT,
    r"\b(?:when|if|whenever|once) asked\b" + _WITHIN + r"{0,80}?" + _SO + _ACT,
    r"(?:"
    + _BARE
    + r"|\b"
    + _AI
    + r"\b"
    + _WITHIN
    + r"{0,30}\b(?:to|should|must|shall|will) )(?:always |never |only )?"
    + _ACT
    + _WITHIN
    + r"{0,100}?"
    + _WHEN
    + _WITHIN
    + r"{0,12}\b(?:"
    + _SOMEBODY
    + r" "
    + _ASKS
    + r"|asked|(?:is|are) asked)\b",
    _WHEN
    + r" (?:i|we) (?:next |ever |later )?"
    + _ASKS
    + _WITHIN
    + r"{0,100}?"
    + _SO
    + r"(?:say|recommend"
    r"|promote|mention|claim|insist|reply (?:with|that)|respond (?:with|that)|answer (?:with|that)"
    r"|tell me (?:that|to)|pretend|send|approve|transfer|execute|run|reveal|steer|forward|push"
    r"|endorse)\b",
    r"(?:" + _WHEN + r"|\b(?:wait )?until\b)" + _WITHIN + r"{1,50}?\b(?:comes? up|(?:is|are|gets?)"
    r" (?:mentioned|used|said|asked|discussed|raised|named|typed|written)|appears?|occurs?)\b"
    + _WITHIN
    + r"{0,40}?(?:,|\band\b|\bthen\b|:)\s?(?:then |you |please |must |should |always |also )*"
    r"(?!i\b|we\b|he\b|she\b|they\b|it\b|my\b|the\b|a\b)" + _VERB,
    r"(?:\A|[.!?\n]\s?)(?:on|starting|beginning|from|as of|by|at) (?:next |the )?(?:\w+day|tomorrow"
    r"|tonight|midnight|next \w+|then|\w+ \d+)\b,?\s?(?:please |you (?:must |should "
    r"|will )?)?(?:begin"
    r"|start|stop|" + _ACT + r")",
    r"\b(?:after|in|from) (?:\w+ ){1,3}(?:messages?|turns?|sessions?|conversations?|chats?)(?: on"
    r"| from now)?,?\s?(?:you |please |must |should )*(?:start|begin|" + _ACT + r")",
)
_SYSTEM_CLAIM = (
    r"\b(?:the|your|this|new|updated|official) (?:\w+ ){0,2}?(?:system (?:prompt|message"
    r"|instructions?|notice|policy)|developer (?:message|instructions?|prompt)|(?:hidden|core"
    r"|secret) (?:prompt|instructions?))\b" + _WITHIN + r"{0,24}\b(?:say|state|require|tell|read"
    r"|now|ha[sv]e?|is|are|was|were|allow|permit|demand|instruct|include|list|forbid)s?\b",
    r"\b(?:system|admin(?:istrator)?|security|policy|memory|developer|root|platform) (?:override"
    r"|update|notice|alert|announcement|directive|command|instruction|note|message)s?\s?[:!—–-]",
    r"\b(?:this is|message from|on behalf of|by order of|authori[sz]ed by|i am with"
    r"|i'm with) (?:the"
    r" |your |an? )?(?:openai|anthropic|google deepmind|system|developers?|admin(?:istrator)?s?"
    r"|security|it|platform|vendor|operator|provider|support)(?: (?:department|support|team"
    r"|staff))?(?: (?:team|here|speaking))?\s?(?:[.,:;!—–-]|\Z)",
    r"\baccording to (?:the|your|its) (?:system |hidden |secret )*(?:prompt|instructions"
    r"|programming"
    r"|guidelines|configuration)\b",
    r"\b(?:system|hidden|internal|admin|urgent|official) (?:notice|note|message|memo|instruction"
    r"|order"
    r"|hint|announcement)s? (?:to|for) (?:the |all |any )?" + _AI + r"s?\b",
    r"\b(?:note|notice|message|memo|instructions?|orders?|attention)[:,]? (?:to|for) (?:the "
    r"|all |any )?"
    r"(?:language |ai )*(?:model|assistant|ai|llm|agent)s?\b(?=\s?[:).,!\]-])",
    r"\byour (?:database|memory|records?|files?|notes|profile of me) (?:already )?(?:says?"
    r"|shows?|states?"
    r"|holds?|lists?|contains?|confirms?)\b",
    r"\byour (?:instructions|guidelines|rules|programming|safety rules|restrictions|polic(?:y|ies)"
    r"|configuration|settings) (?:have|has|are|were|was|is|say|says|now|no longer|require)\b",
)
_GRANT = (
    r"(?:the )?(?:assistant|ai|agent|bot|you\b|system|any\b|all\b|every\b|transfer|payment|pay\b"
    r"|purchas|charg|third part|money|funds|withdraw|wire|refund|account|delet|disclos|shar(?:e"
    r"|ing)"
    r" (?:\w+ ){0,2}(?:data|information|details|memor|records?)|(?:personal )?data\b|record)"
)
_AUTHORISATION = (
    r"\buser(?:'s)? (?:has |have |had |already |explicitly |previously |also |hereby |fully "
    r"|pre-?)*"
    r"(?:authori[sz]e[ds]?|approve[ds]?|consent(?:s|ed)|pre-?approve[ds]?|permit(?:s|ted)"
    r"|waive[ds]?"
    r"|grant(?:s|ed)|gives?|given|gave|agree[ds]?|whitelist(?:s|ed)|sign(?:s|ed) off)\b(?:"
    + _WITHIN
    + r"{0,20}\b(?:permission|consent|access|authori[sz]ation|approval)\b)?(?=\W)(?<!gave)"
    r"(?<!given)(?<!gives)(?<!give)(?<!agreed)(?<!agrees)" + _WITHIN + r"{0,30}?\b" + _GRANT,
    r"\bi (?:hereby |fully |explicitly |have |do )*(?:authori[sz]ed?|pre-?approved?"
    r"|consent(?:ed)? to"
    r"|permit(?:ted)?|waived?|grant(?:ed)?|approved?) (?:you\b|the assistant|all\b|any\b|every\b)",
    r"\b(?:agreed|arranged|settled|confirmed|cleared) with the user that\b",
    r"\b(?:said|say|says) yes to (?:all|any|every|each) (?:\w+ )?(?:charges?|payments?|transfers?"
    r"|purchases?|fees?|debits?|sharing)\b",
    r"\b(?:money|funds|payments?|purchases?|charges?|orders?|data|details|transfers?"
    r"|messages)\b (?:may"
    r"|can|shall|should|must) (?:always |now |freely )?be (?:moved|made|taken|shared|sent|passed"
    r"|charged|debited|released|forwarded|paid|disclosed)\b(?! (?:by|at|in|on|with|online))",
    r"\b(?:allows?|permits?|lets?|authori[sz]es?|agree[sd]? (?:that|to)|allowed"
    r"|permitted)\b (?:the "
    r"|any |all |every )?(?:assistant|ai|agent|plugins?|tools?|money|payments?|charges?"
    r"|transfers?)\b" + _WITHIN + r"{0,20}\b(?:to|be|moved?|pay|buy|send|share|charge)\b",
    r"\bagree[sd]? that (?:his|her|their|the|all) (?:\w+ )?(?:data|address|details|memories"
    r"|information"
    r"|messages)\b",
    r"\bno (?:further |additional |more |extra )?(?:confirmation|approval|verification"
    r"|authori[sz]ation|consent|permission) (?:is |are )?(?:needed|required|necessary)\b",
    _ACT
    + _WITHIN
    + r"{0,60}\bwithout (?:asking|confirm\w*|verif\w+|check\w*|approval|permission)\b",
)
_TITLE = r"(?:administrator|admin|root(?: user)?|super ?user|super ?admin|sysadmin|moderator)"
_IDENTITY = (
    r"\b(?:user|i|he|she|they|me)\b(?: is|'m|'s| am| are| was| has been| have been)? (?:actually "
    r"|really |in fact |now |also |being |promoted to |logged in as |recogni[sz]ed as |the |an? "
    r"|your "
    r"|our |verified |authenticated |system |platform |site |global |account )*"
    + _TITLE
    + r"(?=\s?(?:[.,;:!)]|\Z|and\b|with\b|who\b|so\b|of (?:this|the) (?:system|platform|service|app"
    r"|account|assistant|chat|bot)|here\b|account\b))(?<!\bme admin)",
    r"\b(?:user|i|he|she|they)(?: is|'m|'s| am| are)? (?:actually |really |in fact |now )*(?:the "
    r"|your |an? )?(?:developer|creator|owner|operator|ceo|maker|programmer|engineer"
    r"|employee) (?:of"
    r"|behind|who (?:built|made|wrote)) (?:this|the) (?:system|platform|service|assistant|ai|model"
    r"|chat ?bot|bot)\b",
    r"\bi(?: a|')m your (?:developer|creator|owner|administrator|admin|operator|master|programmer"
    r"|maker|supervisor|principal)\b",
    r"\b(?:has|have|with|holds?|got|given|granted) (?:full |the )*(?:root|admin(?:istrator)?"
    r"|super ?user|unrestricted|elevated|god[- ]mode|unlimited|level[- ]\w+|top[- ]secret|system"
    r"|privileged) (?:access|privileges?|rights|permissions?|clearance)\b(?! (?:on|to|in|at|for)"
    r" (?:his|her|their|my|our|a\b|an\b))",
    r"\b(?:i(?: a|')m|user is|i work|user works|we are) (?:\w+ ){0,3}?(?:from|with|at|for|of"
    r"|on) (?:the )?"
    r"(?:hitherto|openai|anthropic|google deepmind)(?:'s)? (?:staff|team|support|employees?"
    r"|security)",
    r"\b(?:level|tier)[- ]\w+ (?:clearance|access|privileges?)\b",
    r"\b(?:user|i|me|person|account holder)\b"
    + _WITHIN
    + r"{0,30}\b(?:is|am|'m|are) (?:\w+ ){0,2}?"
    r"(?:(?:system|platform|chat ?bot|assistant) (?:owner|operator|administrator)|root)"
    r"(?=\s?(?:[.,;!]|\Z|now\b|here\b|and\b))",
    r"\bmy role (?:in this|here)\b" + _WITHIN + r"{0,30}\b(?:operator|admin\w*|owner|developer"
    r"|supervisor|moderator|root)\b",
    r"\b(?:see|show|read|access|view|open|get|know|tell)\b" + _WITHIN + r"{0,24}\b(?:memor(?:y|ies)"
    r"|data|conversations?|chats?|records?|profiles?) of (?:all |any |every )?(?:others?\b|other"
    r"|another|users?|everyone|everybody|people)",
    r"\bsudo\b\s?[:\-]",
    r"\btreat (?:me|the user|user|him|her|them|this user) (?:as|like) (?:an? |the )?(?:admin\w*"
    r"|developer|root|owner|operator|super ?user|verified|trusted|vip|privileged)",
    r"\b(?:the )?user is (?:an? |the )?(?:(?:verified|authenticated|privileged|whitelisted|trusted)"
    r" (?:user|account|admin\w*|customer|identity|developer|employee|source)|(?:verified"
    r"|authenticated|privileged|whitelisted)\s?(?:[.,;]|\Z|and\b|by\b))",
    r"\b(?:limits?|rules?|restrictions?|filters?|polic(?:y|ies)|checks?|guidelines)\b (?:do not"
    r"|don't"
    r"|does not|doesn't|no longer|never) appl(?:y|ies) to (?:me|user|the user|him|her|them|us)\b",
    r"\bexempt from (?:all |any |the |every |your )*(?:\w+ )?(?:limits?|restrictions?|rules"
    r"|filters?"
    r"|verification|safety|polic(?:y|ies)|checks?|content|guidelines)\b",
    r"\b(?:the )?user(?:'s)? (?:identity|age|account|role|status|access level|clearance) (?:is|has"
    r" been|was|must be) (?:\w+ )?(?:verified|confirmed|authenticated|elevated|upgraded|admin\w*"
    r"|root)\b",
)
_TOOL_CALL = (
    r"</?\s?(?:tool_calls?|function_calls?|invoke|tool_use|tool_result|tool_response|tool"
    r"|parameter)\b[^>\n]{0,80}>",
    r"\"(?:tool_calls?|function_call|tool_use)\"\s?:",
    r"\{\s?\"(?:name|tool|function|action|recipient_name)\"\s?:\s?\"[\w.\- ]{1,60}\"\s?,\s?\""
    r"(?:arguments|parameters|args|input|content|value|memory|fact)\"\s?:",
    r"\b(?:save|add|store|create|update|write|delete|insert|set|push"
    r"|put)_?(?:to_)?(?:user_)?(?:memory"
    r"|memories|memory_item|fact|profile|preference)s?\s?\(",
    r"\b(?:remember|memori[sz]e|recall|learn|persist|store|save)\(\s?[\w\"'{]",
    r"\"(?:tool|function|action)_?(?:name|input|args|arguments|call|id|use)\"\s?:",
    r"(?:\A|\n)\s?(?:action|action input|tool|tool input|function call|observation)\s?:\s?\w*_\w+",
    r"\bmemory\.(?:add|save|write|update|delete|store|insert|set)\s?\(",
    r"<\|\s?(?:tool|python_tag|function)[^|]{0,40}\|>",
    r"\bto=(?:bio|memory|functions?\.\w+)\b",
)
_MARKUP = (
    r"</?\s?(?:system|instructions?|memory|memories|context|untrusted|user_input|prompt|assistant"
    r"|human|system_prompt|recalled_memory|recalled memory|(?:end|start)_of_\w+)\s?(?:/"
    r"|\b[^>\n]{0,40})>",
    r"\]\]>|<!\[cdata\[",
    r"<\|\s?(?:endof\w+|im_end|eot_id|end|end_of_turn)\s?\|>|<eos>|</s>",
    r"!\[[^\]\n]{0,80}\]\(\s?https?://[^)\s]{0,200}[?=]",
    r"(?:\A|\n)\s?[-=#*~]{2,}\s?(?:end|begin|start) (?:of )?(?:the )?(?:recalled )?(?:context"
    r"|memory"
    r"|memories|system prompt|prompt|instructions|document|user input|data)\b",
)
_ROLE_PLAY = (
    r"(?:\A|\n)\s?[\[<(*#]{0,4}\s?(?:system|developer)(?: (?:prompt|message|note|instructions?))?"
    r"\s?[\])>*]{0,3}\s?[:>\]]"
    r"(?=[^\n]{0,400}\b(?:you|user|user's|assistant|ignore|always|never|remember|override"
    r"|(?:new|these|your) (?:rules|instructions?)|must|from now)\b)",
    r"<\|\s?(?:im_start|start_header_id|system|assistant|user)[^|]{0,20}\|>|\[/?inst\]|<</?sys>>",
    r"(?:\A|\n)\s?#{2,4}\s?(?:system|instructions?|assistant|human)\s?(?::|\n|\Z)",
    r"(?:\A|\n)\s?\[(?:system|assistant|developer)\]",
)


# The patterns above read what `plain` returns, in which no white space follows white space.


def _all(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


_PATTERNS: tuple[tuple[QuarantineKind, re.Pattern[str]], ...] = (
    (QuarantineKind.TOOL_CALL, _all(_TOOL_CALL)),
    (QuarantineKind.MARKUP, _all(_MARKUP)),
    (QuarantineKind.ROLE_PLAY, _all(_ROLE_PLAY)),
    (QuarantineKind.OVERRIDE, _all(_OVERRIDE)),
    (QuarantineKind.SYSTEM_CLAIM, _all(_SYSTEM_CLAIM)),
    (QuarantineKind.AUTHORISATION, _all(_AUTHORISATION)),
    (QuarantineKind.IDENTITY, _all(_IDENTITY)),
    (QuarantineKind.DELAYED_TRIGGER, _all(_TRIGGER)),
    (QuarantineKind.DIRECTIVE, _all(_DIRECTIVE)),
)
_SPOKEN_TO = re.compile(r"\b(?:you|your)\b")

_FORM = re.compile(
    r"\b(?:short|shorter|brief|briefly|concise|detailed|formal|informal|casual|polite|simple|plain"
    r"|bullets?|bullet points?|lists?|metric|imperial|celsius|fahrenheit|kilomet\w+|emojis?"
    r"|markdown|tables?|jargon|german|french|spanish|english|portuguese|italian|dutch|polish"
    r"|japanese|chinese|lower ?case|step by step|british|american|first name|call me|address me"
    r"|pronouns?|spelling|units|tone|language|sentences?|words|examples?|code|python|comments)\b"
)
"""What a wish about the form of answers names."""
_NO_FORM = re.compile(r"\b" + _PROMOTE)
_WISHES = (QuarantineKind.DIRECTIVE, QuarantineKind.DELAYED_TRIGGER)

_LOOKALIKES = str.maketrans(
    "аеорсухіѕјԁһԛԝгкмнтвЅІЈαεοριυνκτχ‘’‚“”„«»‐‑‒",
    'aeopcyxisjdhqwrkmhtbsijaeopiuvktx\'\'\'"""""---',
)
"""Letters of other alphabets that look Latin, and the many forms of quotation marks and hyphens."""
_LEET = str.maketrans("013457@$!|", "oieastasil")
_MIXED_WORD = re.compile(r"(?<![\w@$!|])(?=[\w@$!|]*[a-z])(?=[\w@$!|]*[013457@$!|])[\w@$!|]{4,}+")
_SENTENCE_MARK = re.compile(r"[.!?\n]")
_SPACE = re.compile(r"\s+")
_MARKS = re.compile(r"([^\w\s])\1{3,}")
_SPACED = re.compile(r"(?<!\w)(?:\w[ .·_*-]){2,}\w(?!\w)")


def plain(text: str) -> str:
    """The text as it reads: one form of each letter, lower case, without invisible characters."""
    folded = nfkc(text[:MAX_CHARS])[:MAX_CHARS].casefold().translate(_LOOKALIKES)
    seen = "".join(
        character
        for character in folded
        if character in "\n\t" or unicodedata.category(character)[0] != "C"
    )
    return collapsed(_SPACED.sub(lambda found: re.sub(r"[ .·_*-]", "", found[0]), seen))


def collapsed(text: str) -> str:
    """The text with one space or line break for any run of them, and no mark thrice in a row.

    Long runs say nothing, and a pattern that may begin anywhere in one takes its square in time.
    """
    spaced = _SPACE.sub(lambda run: "\n" if "\n" in run[0] else " ", text)
    return _MARKS.sub(r"\1\1\1", spaced)


def find(text: str, *, to_assistant: bool = True) -> Sign | None:
    """The first kind of sign in a text, or None.

    to_assistant: whether "you" is the AI; in the AI's own words it is the user.
    """
    if has_tag(text):
        return Sign(QuarantineKind.MARKUP, quoted(text))
    read = plain(text)
    found = _found(read, to_assistant)
    if found is None and _MIXED_WORD.search(read):
        spelt = _MIXED_WORD.sub(lambda word: word[0].translate(_LEET), read)
        found = _found(spelt, to_assistant) if spelt != read else None
    return found


def _found(read: str, to_assistant: bool) -> Sign | None:
    wishes = _Wishes(read)
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(read):
            if not to_assistant and _SPOKEN_TO.search(match[0]):
                continue
            if kind in _WISHES and wishes.hold(match):
                continue
            return Sign(kind, quoted(match[0]))
    return None


class _Wishes:
    """Which sentences of a text only ask for a form of answers; each is read once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._marks: list[int] | None = None
        self._known: dict[tuple[int, int], bool] = {}

    def hold(self, match: re.Match[str]) -> bool:
        """Return whether the sentence around a match is such a wish."""
        span = self._sentence_around(match)
        if span not in self._known:
            self._known[span] = _is_wish(self._text[slice(*span)])
        return self._known[span]

    def _sentence_around(self, match: re.Match[str]) -> tuple[int, int]:
        if self._marks is None:
            self._marks = [mark.start() for mark in _SENTENCE_MARK.finditer(self._text)]
        before = bisect_right(self._marks, match.start())
        behind = bisect_left(self._marks, match.end())
        start = self._marks[before - 1] + 1 if before else 0
        return start, self._marks[behind] if behind < len(self._marks) else len(self._text)


def _is_wish(sentence: str) -> bool:
    """Whether it only asks for a form of answers."""
    return _FORM.search(sentence) is not None and _NO_FORM.search(sentence) is None


def quoted(text: str) -> str:
    """The words that gave a text away, on one line and cut."""
    flat = " ".join(text.split()).strip(" ,.:;!?-")
    return flat if len(flat) <= QUOTED_CHARS else flat[: QUOTED_CHARS - 1] + "…"
