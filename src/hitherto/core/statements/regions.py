"""Countries, states and other regions that hold towns.

With them a town and its country are not taken for two places that exclude each other. The list
covers what people commonly say in English; a region missing from it is treated like a town.
"""

_NAMES = """
afghanistan, albania, algeria, andorra, angola, argentina, armenia, australia, austria,
azerbaijan, bahrain, bangladesh, belarus, belgium, belize, benin, bhutan, bolivia, bosnia,
botswana, brazil, bulgaria, cambodia, cameroon, canada, chad, chile, china, colombia, congo, costa
rica, croatia, cuba, cyprus, czechia, czech republic, denmark, dominican republic, ecuador, egypt,
el salvador, england, eritrea, estonia, ethiopia, fiji, finland, france, gabon, georgia, germany,
ghana, greece, guatemala, guinea, guyana, haiti, honduras, hungary, iceland, india, indonesia,
iran, iraq, ireland, israel, italy, jamaica, japan, jordan, kazakhstan, kenya, kosovo, kuwait,
laos, latvia, lebanon, liberia, libya, lithuania, luxembourg, madagascar, malawi, malaysia,
maldives, mali, malta, mauritius, mexico, moldova, monaco, mongolia, montenegro, morocco,
mozambique, myanmar, namibia, nepal, netherlands, holland, new zealand, nicaragua, niger, nigeria,
north macedonia, northern ireland, norway, oman, pakistan, palestine, panama, paraguay, peru,
philippines, poland, portugal, qatar, romania, russia, rwanda, saudi arabia, scotland, senegal,
serbia, singapore, slovakia, slovenia, somalia, south africa, south korea, korea, spain, sri
lanka, sudan, sweden, switzerland, syria, taiwan, tanzania, thailand, togo, tunisia, turkey,
uganda, ukraine, united arab emirates, uae, united kingdom, uk, great britain, britain, united
states, us, usa, u.s, america, uruguay, uzbekistan, venezuela, vietnam, wales, yemen, zambia,
zimbabwe, europe, asia, africa, south america, north america, scandinavia, alabama, alaska,
arizona, arkansas, california, colorado, connecticut, delaware, florida, hawaii, idaho, illinois,
indiana, iowa, kansas, kentucky, louisiana, maine, maryland, massachusetts, michigan, minnesota,
mississippi, missouri, montana, nebraska, nevada, new hampshire, new jersey, new     mexico, north
carolina, north dakota, ohio, oklahoma, oregon, pennsylvania, rhode island, south carolina, south
dakota, tennessee, texas, utah, vermont, virginia, west virginia, wisconsin, wyoming, catalonia,
andalusia, bavaria, tuscany, brittany, provence, normandy, sicily, ontario, quebec, british
columbia, alberta, queensland, victoria, bay area, midwest, new england
"""
_REGIONS = frozenset(region.strip() for region in _NAMES.split(","))


_WIDE_NAMES = """
us, usa, u.s, united states, america, uk, united kingdom, great britain, britain, europe, asia,
africa, south america, north america, scandinavia, canada, australia, midwest, new england
"""
_WIDE = frozenset(region.strip() for region in _WIDE_NAMES.split(","))


def is_wide(region: str) -> bool:
    """Return whether a region holds other regions, as Europe and the United States do."""
    return region.removeprefix("the ") in _WIDE


def is_region(region: str) -> bool:
    """Return whether a place (lower case) is a region that holds towns, such as a country."""
    return region.removeprefix("the ") in _REGIONS
