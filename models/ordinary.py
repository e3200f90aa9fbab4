"""Words that tell nobody apart by themselves, for the anonymity search. Pure data, all in lower case."""

# Never searched alone: titles, small words and words for relatives.
_STOP = """
    a aka al also am an and any are as at be bin by da de del der di do dos du el for formerly from he her him his i
    if in ibn is it la le me mr mrs ms my miss née nee no none not nor of on or our she so st the their them
    they to unknown us van von was we were who with you your

    adult aunt baby boy brother carer carers child children cousin dad daddy daughter doctor dr family father
    girl grandad grandfather grandmother grandparent grandparents gran guardian guardians household infant
    known lady lord mother mum mummy nan neighbour nurse parent parents partner prof professor rev reverend sibling
    siblings sir sister son stepfather stepmother uncle unborn worker
"""

# What schools are called; left out of the end of a school's own name.
_SCHOOL = """
    academy aided c ce catholic centre church college community controlled convent cofe county e early england first
    foundation free grammar hall high house independent infants junior juniors kindergarten lower middle nursery of
    playgroup preparatory pre prep primary rc roman saint school schools secondary sixth special trust upper
    voluntary years
"""

# Names that are words or months as well: alone they are looked for only with a capital letter.
_ORDINARY = """
    abbey amber angel april archer art august autumn baker bank banks barber bell berry bill bishop black blossom
    blue bond booth bow bowl boyd brand brook brooks brown bud burn burns bush butcher butler butter cane carpenter
    carter case cash castle chance chase cherry chuck clay clover coal cole cook cooper coral corn cross crystal
    curry daisy dale dawn day days dean dear dick dolly drew duke east eden eve example faith farmer fern field
    fields finch fish fisher flint flower ford forest foster fox frank free frost gale gardener gay gene ginger
    glen gold good grace grant gray green grey grove guy hale hall harmony harper hart hay hazel heath heather heaven
    hill hills holly home hood hope hunt hunter ink iris ivy jack jade jasmine jay jean jet job joy judge june justice
    kay kerry key king kings knight lake lamb lance lane lark lavender law leaf lee light lily lilly little lock long
    lord love luck mace major march mark marks marsh marshal marshall mason may mercy melody mile miles miller
    mills miracle mist moody moon moor more myrtle noble noel north nova novel oak ocean olive opal page park parker
    parks parson pat patience peace peach pearl penny pepper pike piper pitt pool poppy porter pound power powers price
    pride priest prince rain raven ray read reed reef rich ridge river rivers rob robin rod roman root rose rosemary
    rowan royal ruby ruff rush rusty sage sample sandy savage scarlet seal sharp shaw shepherd short silver singer
    skip sky sleet small smart smith snow south spark sparks spring star stark stern steel stone storm strand street
    strong sue summer summers sunny swan sweet sydney tanner taylor teal temple tiger tiny tom trinity troy tucker
    turner tyler underwood vale violet wade walker wall walls ward waters way weaver webb weeks wells west wheat
    wheeler white will willow winter winters wise wolf wood woods worth wren wright yard york young
"""

# Initials that everybody in this work writes for something else.
_ABBREVIATIONS = """
    aa ad ae am apm bc bm bst ca cafcass cc ccg cd ce ceo cf cfo ch cic cin cmht co cp cpn cps cqc csc cse cv da dba
    dbs dc dci dcs de df dfe dht di dna do doh dob ds dv dvd ed ehc ehcp en ep er et eu ey fe fgm ft gb gmt go gp gps
    hb he hiv hm hmic hmp hmrc hov hr hse ht hv ib ic icb icu id ie if imr in ip ipcc is it iq kg km la lac lado lea
    lp ls lscb lscp ma mapp mappa marac mash mb md me mh mha mi mod moj mp mr mrs ms nb nc nd nhs nice nmc no npc
    nspcc of ofsted oh ok on op or pa pc pcc pct pd pdf pe pep ph phd pm po pp pr ps psni qa qc ra rc re rn ro rp rsu
    sa sab sar sc scr sen send senco sg sha sio so ss st sw ta tbc tor tv uk un up us vat wc wd wt ymca yos yot
"""

STOP = frozenset(_STOP.split())
SCHOOL = frozenset(_SCHOOL.split())
ORDINARY = frozenset(_ORDINARY.split()) | SCHOOL
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())

# How the last word of a street is shortened.
STREETS = {
    "alley": (),
    "approach": (),
    "avenue": ("ave", "av"),
    "boulevard": ("blvd",),
    "close": ("cl",),
    "court": ("ct",),
    "crescent": ("cres", "cr"),
    "croft": (),
    "drive": ("dr",),
    "drove": (),
    "end": (),
    "gardens": ("gdns",),
    "gate": (),
    "green": ("grn",),
    "grove": ("gr",),
    "hill": (),
    "lane": ("ln",),
    "lea": (),
    "mead": (),
    "mews": (),
    "parade": ("pde",),
    "park": ("pk",),
    "path": (),
    "place": ("pl",),
    "rise": (),
    "road": ("rd",),
    "row": (),
    "square": ("sq",),
    "street": ("st", "str"),
    "terrace": ("terr", "ter"),
    "view": (),
    "walk": (),
    "way": (),
    "wharf": (),
    "yard": (),
}
