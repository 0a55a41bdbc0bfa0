"""Forms of dates in other languages, as templates of patterns.

In a template a space is white space, and {D} stands for a day's number, {B} for
that of the first day of a range, {N} for a count, {m} for a
month's number, {M} for a month in any spelling, {L} for one written out, {W} for a weekday, {w} for
one that may be shortened, {U} for a unit, {Y} for a year, {y} for one that may have two digits, and
{F} for function words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

FormKind = Literal[
    "date", "range", "numeric", "month", "year", "weekday", "unit", "near", "ago", "long_ago",
    "ahead", "planned",
]  # fmt: skip
"""Kind of a date by its form.

long_ago: "hace dos años", which in the present is a duration. planned: "en dos meses", which is
one in the past. ahead: "dentro de dos meses", which is none.
"""
Bound = Literal["since", "from", "open", "until", "before", "after", "plain"]
"""Effect of a preposition on a date.

since: ends today. from: begins then, which leaves the day itself. open: one of the two.
"""


@dataclass(frozen=True, slots=True)
class Form:
    """Form of a date.

    strict: whether it counts only with a preposition, in as far as it has no year and no word
        such as "last".
    """

    kind: FormKind
    template: str
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Grammar:
    """Forms of dates in one language.

    near: words for days, by their distance from today; two distances if the verb decides. units:
    words for units. counts: words of the numbers from one on; a slash parts spellings. ordinals:
    words for days of a month. prepositions: patterns of the words in front of dates, or behind
    them where a language has them there. habits: what makes a weekday one of every week, in front
    of it. streets: words of addresses in front of dates. joins: between a year or a week and what
    is in it. no_near: what makes a word of `near` another one, in front of it.
    """

    forms: tuple[Form, ...]
    near: Mapping[str, tuple[int, ...]]
    units: Mapping[str, str]
    counts: str
    prepositions: Mapping[Bound, str]
    habits: str
    joins: str
    ordinals: Mapping[str, int] = field(default_factory=dict)
    behind: bool = False
    streets: str = ""
    no_near: str = ""
    part: Mapping[str, str] = field(default_factory=dict)


def _units(day: str, week: str, weekend: str, month: str, year: str) -> dict[str, str]:
    listed = {"day": day, "week": week, "weekend": weekend, "month": month, "year": year}
    return {word: unit for unit, words in listed.items() for word in words.split("/") if word}


_GERMAN: Final = Grammar(
    forms=(
        Form("date", r"(?:{W},? (?:de[nmr] )?)?{D}\.? ?{M}(?:,? {Y})?"),
        Form("range", r"{B}\.? ?(?:-|–|bis(?: zum)?) ?{D}\. ?{M}(?:,? {Y})?"),
        Form("numeric", r"(?:{W},? (?:de[nmr] )?)?{D}\. ?{m}\. ?{y}"),
        Form("numeric", r"(?:{W},? (?:de[nmr] )?)?{D}\. ?{m}\.(?![ ]?\d)", strict=True),
        Form("month", r"(?:(?P<part>anfang|mitte|ende) )?{L}(?: {Y})?", strict=True),
        Form("month", r"(?P<last>letzten|vergangenen) {L}"),
        Form("month", r"(?P<next>nächsten|kommenden) {L}"),
        Form("year", r"(?:(?P<part>anfang|mitte|ende) )?{Y}", strict=True),
        Form("weekday", r"{W}(?: ?(?:früh|morgen|vormittag|mittag|nachmittag|abend|nacht))?"),
        Form("weekday", r"(?:(?P<last>(?:letzte|vorige|vergangene)[nrm]?)|(?P<this>diese[nrm]?)"
             r"|(?P<next>kommende[nrm]?)|(?P<second>nächste[nrm]?)) {W}(?:abend|nachmittag)?"),
        Form("unit", r"(?:(?P<last>(?:letzte|vorige|vergangene)[nrms]?)|(?P<this>diese[nrms]?)"
             r"|(?P<next>(?:nächste|kommende)[nrms]?)) {U}"),
        Form("near", "{near}"),
        Form("ago", "vor {N} {U}"),
        Form("planned", "in {N} {U}"),
    ),
    near={"vorgestern": (-2,), "gestern": (-1,), "heute": (0,), "morgen": (1,), "übermorgen": (2,)},
    units=_units("tag/tagen", "woche/wochen", "wochenende/wochenenden", "monat/monaten/monats",
                 "jahr/jahren/jahres"),
    counts="einem/einer/einen zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    ordinals={"ersten": 1, "zweiten": 2, "dritten": 3},
    prepositions={
        "since": r"seit(?: dem)?",
        "from": r"(?:ab|von|vom)(?: dem)?",
        "until": r"bis(?: zum| in den| im)?",
        "before": r"vor(?: dem)?",
        "after": r"nach(?: dem)?",
        "plain": r"am|im|in|den|dem|zum|für|gegen|um|im jahre?|für den|in den",
    },
    habits=r"jede[nrms]?(?: zweiten?| ersten?| letzten?)?|immer|meistens|alle",
    joins=r"am|im|den|des|",
    streets=r"straße(?: des)?|platz(?: des)?",
    no_near=r"guten|jeden|heute|gestern|diesen|am|der|den|dem|früh am|schönen",
    part={"anfang": "early", "mitte": "mid", "ende": "end"},
)  # fmt: skip
_SPANISH: Final = Grammar(
    forms=(
        Form("date", r"(?:{W},? (?:el )?(?:día )?)?{D}º? (?:de )?{M}(?:(?: del?|,)? {Y})?"),
        Form("range", r"{B} ?(?:-|–|al?) ?{D} de {M}(?: del? {Y})?"),
        Form("numeric", r"{D}[/.-]{m}[/.-]{y}"),
        Form("numeric", r"{D}/{m}", strict=True),
        Form("month", r"(?:(?P<part>principios|comienzos|inicios|mediados|finales|fines) de )?{L}"
             r"(?:(?: del?|,)? {Y})?", strict=True),
        Form("month", r"{L} (?:(?P<last>pasado)|(?P<next>próximo|que viene))"),
        Form("month", r"(?:(?P<last>(?:el )?pasado)|(?P<next>(?:el )?próximo)) {L}"),
        Form("year", r"{Y}", strict=True),
        Form("weekday", r"{W}", strict=True),
        Form("weekday", r"(?:el )?{W} (?:(?P<last>pasado)|(?P<next>próximo|que viene))"),
        Form("weekday", r"(?:(?P<last>(?:el )?pasado)|(?P<this>este)"
             r"|(?P<next>(?:el )?próximo)) {W}"),
        Form("unit", r"(?:el |la )?{U} (?:(?P<last>pasad[oa])|(?P<next>próxim[oa]|que viene))"),
        Form("unit", r"(?:(?P<last>(?:el |la )?pasad[oa])|(?P<this>est[ea])"
             r"|(?P<next>(?:el |la )?próxim[oa])) {U}"),
        Form("near", "{near}"),
        Form("long_ago", r"hace {N} {U}(?! que)"),
        Form("ago", "{N} {U} atrás"),
        Form("ahead", "dentro de {N} {U}"),
        Form("planned", "en {N} {U}"),
    ),
    near={"anteayer": (-2,), "antier": (-2,), "ayer": (-1,), "anoche": (-1,), "hoy": (0,),
          "mañana": (1,), "pasado mañana": (2,)},
    units=_units("día/días/dia/dias", "semana/semanas", "fin de semana", "mes/meses", "año/años"),
    counts="un/una/uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    ordinals={"primero": 1, "1ro": 1},
    prepositions={
        "since": r"desde(?: el| el día| el año)?",
        "from": r"a partir del?(?: día)?",
        "until": r"hasta(?: el| el día)?",
        "before": r"antes del?",
        "after": r"después del?",
        "plain": r"el|en|en el|al|para|para el|este|el día|en el año|a",
    },
    habits=r"cada|todos los|los|cualquier|un",
    joins=r"en|de|del|de la|el|",
    streets=r"calle|avenida|av\.|avda\.|plaza|colonia|barrio|metro|colegio|escuela",
    no_near=r"la|esta|cada|una|de|misma|buena|media",
    part={"principios": "early", "comienzos": "early", "inicios": "early", "mediados": "mid",
          "finales": "end", "fines": "end"},
)  # fmt: skip
_FRENCH: Final = Grammar(
    forms=(
        Form("date", r"(?:{W},? (?:le )?)?{D}(?:er|ᵉʳ)? {M}(?:,? {Y})?"),
        Form("range", r"{B} ?(?:-|–|au) ?{D} {M}(?: {Y})?"),
        Form("numeric", r"{D}[/.-]{m}[/.-]{y}"),
        Form("numeric", r"{D}/{m}", strict=True),
        Form("month", r"(?:(?P<part>début|mi|fin)[ -])?{L}(?: {Y})?", strict=True),
        Form("month", r"{L} (?:(?P<last>dernier)|(?P<next>prochain))"),
        Form("year", r"{Y}", strict=True),
        Form("weekday", r"{W}(?: (?:matin|midi|soir|après-midi))?"),
        Form("weekday", r"{W} (?:(?P<last>dernier)|(?P<second>prochain))"),
        Form("weekday", r"(?P<this>ce) {W}"),
        Form("unit", r"(?:la |le |l['’])?{U} (?:(?P<last>dernière?|passée?)|(?P<next>prochaine?))"),
        Form("unit", r"(?P<this>cette|ce) {U}"),
        Form("near", "{near}"),
        Form("ago", r"il y a {N} {U}(?! que)"),
        Form("ahead", "dans {N} {U}"),
    ),
    near={"avant-hier": (-2,), "hier": (-1,), "hier soir": (-1,), "aujourd'hui": (0,),
          "aujourd’hui": (0,), "demain": (1,), "après-demain": (2,)},
    units=_units("jour/jours", "semaine/semaines", "week-end/weekend", "mois", "an/ans/année"),
    counts="un/une deux trois quatre cinq six sept huit neuf dix onze douze",
    ordinals={"premier": 1},
    prepositions={
        "since": r"depuis(?: le| le mois de| l['’]année)?",
        "from": r"(?:à partir (?:du|de|d['’])|dès(?: le)?|du|à compter du)",
        "until": r"jusqu['’](?:au|en|à)",
        "before": r"avant(?: le)?",
        "after": r"après(?: le)?",
        "plain": r"le|en|au|pour|pour le|ce|vers le|au mois de|d['’]ici|courant|l['’]année",
    },
    habits=r"le|tous les|chaque|les|un",
    joins=r"en|de|de la|du|le|au mois de|",
    streets=r"rue(?: du| de la)?|avenue(?: du)?|place(?: du)?|boulevard(?: du)?",
    no_near=r"le",
    part={"début": "early", "mi": "mid", "fin": "end"},
)  # fmt: skip
_PORTUGUESE: Final = Grammar(
    forms=(
        Form("date", r"(?:{W},? (?:dia )?)?{D}º? de {M}(?:(?: de|,) {Y})?"),
        Form("range", r"{B} ?(?:-|–|ao?) ?{D} de {M}(?: de {Y})?"),
        Form("numeric", r"{D}[/.-]{m}[/.-]{y}"),
        Form("numeric", r"{D}/{m}", strict=True),
        Form("month", r"(?:(?P<part>início|começo|meados|final|fim) de )?{L}(?:(?: de|,)? {Y})?",
             strict=True),
        Form("month", r"{L} (?:(?P<last>passado)|(?P<next>que vem|próximo))"),
        Form("year", r"{Y}", strict=True),
        Form("weekday", r"{W}"),
        Form("weekday", r"n[ao] {w}(?: de manhã| à tarde| à noite)?"
             r"(?= *(?:[,.;!?)]|\Z)| (?:{F})\b)"),
        Form("weekday", r"(?:n[ao] )?{w} (?:(?P<last>passad[oa])|(?P<next>que vem))"),
        Form("weekday", r"(?:(?P<this>n?est[ea])|(?P<next>(?:n[ao] )?próxim[oa])) {w}"
             r"(?= *(?:[,.;!?)]|\Z)| (?:{F})\b)"),
        Form("unit", r"(?:[oa] |n[oa] )?{U} (?:(?P<last>passad[oa])|(?P<next>que vem|próxim[oa]))"),
        Form("unit", r"(?:(?P<this>n?est[ea])|(?P<next>(?:[oa] |n[oa] )?próxim[oa])) {U}"),
        Form("near", "{near}"),
        Form("long_ago", r"(?:há|faz) {N} {U}(?! que| atrás)"),
        Form("ago", r"(?:há )?{N} {U} atrás"),
        Form("ahead", "daqui a {N} {U}"),
        Form("planned", "em {N} {U}"),
    ),
    near={"anteontem": (-2,), "ontem": (-1,), "hoje": (0,), "amanhã": (1,), "amanha": (1,),
          "depois de amanhã": (2,)},
    units=_units("dia/dias", "semana/semanas", "fim de semana", "mês/mes/meses", "ano/anos"),
    counts="um/uma dois/duas três/tres quatro cinco seis sete oito nove dez onze doze",
    ordinals={"primeiro": 1},
    prepositions={
        "since": r"desde(?: o| o dia| o ano de)?",
        "from": r"a partir d[eo](?: dia)?",
        "until": r"até(?: o| o dia)?",
        "before": r"antes d[eo]",
        "after": r"depois d[eo]",
        "plain": r"em|no|na|ao|dia|no dia|este|neste|para|pra|pro dia|para o dia|no ano de",
    },
    habits=r"toda|todas as|todo|todos os|cada|às|aos|nas|nos|uma?",
    joins=r"em|de|do|da|",
    streets=r"rua|avenida|av\.|praça|travessa|colégio|escola",
    part={"início": "early", "começo": "early", "meados": "mid", "final": "end", "fim": "end"},
)  # fmt: skip
_ITALIAN: Final = Grammar(
    forms=(
        Form("date", r"(?:{W},? (?:il )?)?{D}[º°]? {M}(?: (?:del )?{Y})?"),
        Form("range", r"{B} ?(?:-|–|al) ?{D} {M}(?: {Y})?"),
        Form("numeric", r"{D}[/.-]{m}[/.-]{y}"),
        Form("numeric", r"{D}/{m}", strict=True),
        Form("month", r"(?:(?P<part>inizio|metà|fine)(?: di)? )?{L}(?: (?:del )?{Y})?",
             strict=True),
        Form("month", r"{L} (?:(?P<last>scorso)|(?P<next>prossimo))"),
        Form("year", r"{Y}", strict=True),
        Form("weekday", r"{W}(?: (?:mattina|pomeriggio|sera))?"),
        Form("weekday", r"{W} (?:(?P<last>scors[oa])|(?P<next>prossim[oa]))"),
        Form("weekday", r"(?:(?P<last>l[oa] scors[oa])|(?P<this>quest[oa])"
             r"|(?P<next>prossim[oa])) {W}"),
        Form("unit", r"(?:il |la |l['’])?{U} (?:(?P<last>scors[oa]|passat[oa])"
             r"|(?P<next>prossim[oa]))"),
        Form("unit", r"(?:(?P<last>scors[oa])|(?P<this>quest[oa'’])|(?P<next>prossim[oa])) ?{U}"),
        Form("near", "{near}"),
        Form("ago", "{N} {U} fa"),
        Form("ahead", "(?:tra|fra) {N} {U}"),
    ),
    near={"l'altro ieri": (-2,), "l’altro ieri": (-2,), "ieri": (-1,), "ieri sera": (-1,),
          "oggi": (0,), "domani": (1,), "dopodomani": (2,)},
    units=_units("giorno/giorni", "settimana/settimane", "weekend/fine settimana", "mese/mesi",
                 "anno/anni"),
    counts="un/una due tre quattro cinque sei sette otto nove dieci undici dodici",
    ordinals={"primo": 1},
    prepositions={
        "open": r"da|dal|dall['’]|dal mese di",
        "from": r"a partire d(?:a|al)",
        "until": r"fino (?:a|al|ad|all['’])|entro(?: il)?",
        "before": r"prima d(?:i|el)",
        "after": r"dopo(?: il)?",
        "plain": r"il|l['’]|in|a|ad|al|nel|per|per il|del|quest[oa]|verso",
    },
    habits=r"ogni|tutti i|il|di|la|la|i|un|una",
    joins=r"a|in|di|del|della|nel|",
    streets=r"via|viale|piazza|corso|largo",
    part={"inizio": "early", "metà": "mid", "fine": "end"},
)  # fmt: skip
_DUTCH: Final = Grammar(
    forms=(
        Form("date", r"(?:{W},? (?:de )?)?{D}(?:e|ste|de)? {M}(?: {Y})?"),
        Form("range", r"{B} ?(?:-|–|tot(?: en met)?|t/m) ?{D} {M}(?: {Y})?"),
        Form("numeric", r"{D}[/.-]{m}[/.-]{y}"),
        Form("numeric", r"{D}/{m}", strict=True),
        Form("month", r"(?:(?P<part>begin|half|midden|eind) )?{L}(?: {Y})?", strict=True),
        Form("month", r"(?:(?P<last>vorige|afgelopen)|(?P<next>volgende|komende)) {L}"),
        Form("year", r"(?:(?P<part>begin|midden|eind) )?{Y}", strict=True),
        Form("weekday", r"{W}(?:ochtend|middag|avond|nacht)?"),
        Form("weekday", r"(?:(?P<last>afgelopen|vorige)|(?P<this>deze)|(?P<next>komende|aanstaande)"
             r"|(?P<second>volgende)) {W}(?:ochtend|middag|avond)?"),
        Form("unit", r"(?:(?P<last>vorige?)|(?P<this>deze|dit)|(?P<next>volgende?)) {U}"),
        Form("near", "{near}"),
        Form("ago", "{N} {U} geleden"),
        Form("ahead", "over {N} {U}"),
    ),
    near={"eergisteren": (-2,), "gisteren": (-1,), "gisteravond": (-1,), "vandaag": (0,),
          "morgen": (1,), "overmorgen": (2,)},
    units=_units("dag/dagen", "week/weken", "weekend/weekenden", "maand/maanden", "jaar/jaren"),
    counts="een/één twee drie vier vijf zes zeven acht negen tien elf twaalf",
    ordinals={"eerste": 1},
    prepositions={
        "since": r"sinds|al sinds",
        "from": r"vanaf|per|van",
        "until": r"tot(?: en met)?|t/m",
        "before": r"voor",
        "after": r"na",
        "plain": r"op|in|de|deze|dit|op de|rond|tegen|in het jaar",
    },
    habits=r"elke|iedere|alle|een|op een|meestal|altijd(?: op)?",
    joins=r"in|op|van|",
    streets=r"straat|plein",
    no_near=r"goede|elke|iedere|de|een|deze|vanaf de",
    part={"begin": "early", "half": "mid", "midden": "mid", "eind": "end"},
)  # fmt: skip
_HINDI: Final = Grammar(
    forms=(
        Form("date", r"{D} {M}(?:,? {Y})?"),
        Form("numeric", r"{D}[/.-]{m}[/.-]{y}"),
        Form("month", r"{L}(?:,? {Y})?", strict=True),
        Form("month", r"(?:(?P<last>पिछले)|(?P<next>अगले)|(?P<this>इस)) {L}"),
        Form("year", r"{Y}", strict=True),
        Form("weekday", r"{W}", strict=True),
        Form("weekday", r"(?:(?P<last>पिछले)|(?P<this>इस)|(?P<second>अगले)) {W}"),
        Form("unit", r"(?:(?P<last>पिछले)|(?P<this>इस)|(?P<next>अगले)) {U}"),
        Form("near", "{near}"),
        Form("ago", "{N} {U} पहले"),
        Form("planned", "{N} {U} (?:बाद|में)"),
    ),
    near={"आज": (0,), "कल": (-1, 1), "परसों": (-2, 2)},
    units=_units("दिन", "हफ्ते/हफ़्ते/सप्ताह", "", "महीने", "साल/वर्ष"),
    counts="एक दो तीन चार पाँच/पांच छह/छः सात आठ नौ दस ग्यारह बारह",
    prepositions={
        "before": r"से पहले",
        "open": r"से",
        "until": r"तक",
        "plain": r"को|में|के|की|का",
    },
    habits=r"हर|प्रत्येक",
    joins=r"के|की|में|",
    behind=True,
)  # fmt: skip
SpacedLanguage = Literal["de", "es", "fr", "pt", "it", "nl", "hi"]
GRAMMARS: Final[Mapping[SpacedLanguage, Grammar]] = {
    "de": _GERMAN, "es": _SPANISH, "fr": _FRENCH, "pt": _PORTUGUESE, "it": _ITALIAN,
    "nl": _DUTCH, "hi": _HINDI,
}  # fmt: skip
"""Grammars by language; Japanese and Chinese are read by `east_asian`."""
