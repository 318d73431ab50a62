//! The singular of an English noun: a table of what is irregular, and rules for the rest.
//!
//! Labels are nouns, so a word is taken for a noun ("leaves" is "leaf"). A word that is the same in both numbers, or whose
//! singular means something else in captions ("glasses", "pants"), stays as it is.

use std::borrow::Cow;

/// The singular of a lower-case word; the word itself where it is one.
///
/// # Examples
///
/// ```
/// use unicl_core::labels::lemma;
///
/// assert_eq!(lemma("dogs"), "dog");
/// assert_eq!(lemma("women"), "woman");
/// assert_eq!(lemma("puppies"), "puppy");
/// assert_eq!(lemma("glasses"), "glasses");
/// assert_eq!(lemma("bus"), "bus");
/// ```
#[must_use]
pub fn lemma(word: &str) -> Cow<'_, str> {
    // A compound with a hyphen has the number of its last part: "t-shirts".
    if let Some((first, last)) = word.rsplit_once('-') {
        return match lemma(last) {
            Cow::Borrowed(unchanged) if unchanged.len() == last.len() => word.into(),
            singular => format!("{first}-{singular}").into(),
        };
    }
    if let Ok(at) = IRREGULAR.binary_search_by(|(plural, _)| (*plural).cmp(word)) {
        return IRREGULAR[at].1.into();
    }
    // Compounds of the irregular: "firemen", "grandchildren", "penknives", "snowshoes".
    for (plural, singular) in COMPOUNDS {
        if let Some(first) = word.strip_suffix(plural).filter(|first| first.len() >= 2) {
            return format!("{first}{singular}").into();
        }
    }
    let Some(stem) = word.strip_suffix('s').filter(|stem| stem.len() >= 3) else {
        return word.into();
    };
    if word.chars().any(|c| !c.is_alphabetic()) {
        return word.into();
    }
    let without = |count: usize| &word[..word.len() - count];
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if ends(&["ss", "us", "is"]) {
        word.into()
    } else if ends(&["ies"]) {
        // "pies" and "ties" are too short for a stem in y.
        if word.len() > 4 {
            format!("{}y", without(3)).into()
        } else {
            stem.into()
        }
    } else if ends(&["ouses", "auses"]) {
        stem.into()
    } else if ends(&["sses", "shes", "ches", "xes", "zzes", "uses"])
        || ends(&["oes"]) && !ends(&["shoes"])
    {
        without(2).into()
    } else {
        stem.into()
    }
}

/// Endings of compounds, with what becomes of them.
const COMPOUNDS: [(&str, &str); 11] = [
    ("women", "woman"),
    ("men", "man"),
    ("children", "child"),
    ("people", "person"),
    ("teeth", "tooth"),
    ("mice", "mouse"),
    ("wives", "wife"),
    ("knives", "knife"),
    ("shelves", "shelf"),
    ("wolves", "wolf"),
    ("glasses", "glasses"),
];

/// Words and their singulars, sorted: irregular plurals, plurals that the rules would get wrong, and words that only look
/// like plurals.
const IRREGULAR: [(&str, &str); 299] = [
    ("abdomen", "abdomen"),
    ("aches", "ache"),
    ("across", "across"),
    ("acrylics", "acrylics"),
    ("acumen", "acumen"),
    ("ads", "ad"),
    ("aerobics", "aerobics"),
    ("aircraft", "aircraft"),
    ("algae", "alga"),
    ("alias", "alias"),
    ("aliases", "alias"),
    ("alibis", "alibi"),
    ("aloes", "aloe"),
    ("alumni", "alumnus"),
    ("always", "always"),
    ("amen", "amen"),
    ("analyses", "analysis"),
    ("antennae", "antenna"),
    ("apaches", "apache"),
    ("appendices", "appendix"),
    ("arkansas", "arkansas"),
    ("arms-length", "arms-length"),
    ("asparagus", "asparagus"),
    ("athletics", "athletics"),
    ("atlas", "atlas"),
    ("atlases", "atlas"),
    ("atvs", "atv"),
    ("avalanches", "avalanche"),
    ("axes", "axe"),
    ("bacteria", "bacterium"),
    ("barbies", "barbie"),
    ("barracks", "barracks"),
    ("bases", "base"),
    ("beanies", "beanie"),
    ("bias", "bias"),
    ("biases", "bias"),
    ("bikinis", "bikini"),
    ("binoculars", "binoculars"),
    ("birdies", "birdie"),
    ("bison", "bison"),
    ("bitumen", "bitumen"),
    ("blitzes", "blitz"),
    ("bogies", "bogie"),
    ("bookshelves", "bookshelf"),
    ("brethren", "brother"),
    ("brioches", "brioche"),
    ("brownies", "brownie"),
    ("budgies", "budgie"),
    ("bureaux", "bureau"),
    ("bus", "bus"),
    ("buses", "bus"),
    ("caches", "cache"),
    ("cacti", "cactus"),
    ("calamaris", "calamari"),
    ("calories", "calorie"),
    ("calves", "calf"),
    ("camaraderies", "camaraderie"),
    ("canoes", "canoe"),
    ("canvas", "canvas"),
    ("canvases", "canvas"),
    ("cayuses", "cayuse"),
    ("cds", "cd"),
    ("ceramics", "ceramics"),
    ("chaos", "chaos"),
    ("chateaux", "chateau"),
    ("chess", "chess"),
    ("children", "child"),
    ("christmas", "christmas"),
    ("christmases", "christmas"),
    ("clippers", "clippers"),
    ("clothes", "clothes"),
    ("collies", "collie"),
    ("cookies", "cookie"),
    ("coolies", "coolie"),
    ("cosmos", "cosmos"),
    ("creches", "creche"),
    ("crises", "crisis"),
    ("criteria", "criterion"),
    ("cuties", "cutie"),
    ("cvs", "cv"),
    ("cyclamen", "cyclamen"),
    ("dallas", "dallas"),
    ("data", "data"),
    ("deer", "deer"),
    ("diagnoses", "diagnosis"),
    ("dice", "dice"),
    ("doggies", "doggie"),
    ("downstairs", "downstairs"),
    ("dvds", "dvd"),
    ("dwarves", "dwarf"),
    ("electronics", "electronics"),
    ("elves", "elf"),
    ("emus", "emu"),
    ("excuses", "excuse"),
    ("eyeglasses", "eyeglasses"),
    ("eyries", "eyrie"),
    ("feet", "foot"),
    ("fish", "fish"),
    ("floes", "floe"),
    ("foes", "foe"),
    ("foodies", "foodie"),
    ("fries", "fries"),
    ("fungi", "fungus"),
    ("fuses", "fuse"),
    ("gallows", "gallows"),
    ("gas", "gas"),
    ("gases", "gas"),
    ("geese", "goose"),
    ("genies", "genie"),
    ("glasses", "glasses"),
    ("gnus", "gnu"),
    ("goalies", "goalie"),
    ("goggles", "goggles"),
    ("graffitis", "graffiti"),
    ("grandchildren", "grandchild"),
    ("graphics", "graphics"),
    ("groupies", "groupie"),
    ("gymnastics", "gymnastics"),
    ("haikus", "haiku"),
    ("halves", "half"),
    ("headaches", "headache"),
    ("headquarters", "headquarters"),
    ("hippies", "hippie"),
    ("hippopotami", "hippopotamus"),
    ("hoes", "hoe"),
    ("hoodies", "hoodie"),
    ("hooves", "hoof"),
    ("housewives", "housewife"),
    ("hovercraft", "hovercraft"),
    ("hymen", "hymen"),
    ("indices", "index"),
    ("indoors", "indoors"),
    ("irises", "iris"),
    ("jeans", "jeans"),
    ("jetskis", "jetski"),
    ("junkies", "junkie"),
    ("kansas", "kansas"),
    ("khakis", "khakis"),
    ("kiddies", "kiddie"),
    ("kids", "kid"),
    ("kiwis", "kiwi"),
    ("knives", "knife"),
    ("larvae", "larva"),
    ("lassies", "lassie"),
    ("leaves", "leaf"),
    ("leggings", "leggings"),
    ("lens", "lens"),
    ("lenses", "lens"),
    ("lice", "louse"),
    ("lingerie", "lingerie"),
    ("lives", "life"),
    ("loaves", "loaf"),
    ("lotus", "lotus"),
    ("magpies", "magpie"),
    ("mars", "mars"),
    ("martinis", "martini"),
    ("mathematics", "mathematics"),
    ("matrices", "matrix"),
    ("media", "media"),
    ("men", "man"),
    ("menus", "menu"),
    ("mice", "mouse"),
    ("midwives", "midwife"),
    ("minibuses", "minibus"),
    ("minis", "mini"),
    ("mistletoes", "mistletoe"),
    ("molasses", "molasses"),
    ("moose", "moose"),
    ("moustaches", "moustache"),
    ("movies", "movie"),
    ("muses", "muse"),
    ("mustaches", "mustache"),
    ("nebulae", "nebula"),
    ("neckties", "necktie"),
    ("newbies", "newbie"),
    ("news", "news"),
    ("niches", "niche"),
    ("nuclei", "nucleus"),
    ("oases", "oasis"),
    ("oboes", "oboe"),
    ("octopi", "octopus"),
    ("offspring", "offspring"),
    ("omen", "omen"),
    ("onesies", "onesie"),
    ("outdoors", "outdoors"),
    ("outskirts", "outskirts"),
    ("overalls", "overalls"),
    ("oxen", "ox"),
    ("pajamas", "pajamas"),
    ("pampas", "pampas"),
    ("pancreas", "pancreas"),
    ("pancreases", "pancreas"),
    ("paninis", "panini"),
    ("pants", "pants"),
    ("paris", "paris"),
    ("passersby", "passerby"),
    ("pcs", "pc"),
    ("people", "person"),
    ("perhaps", "perhaps"),
    ("phenomena", "phenomenon"),
    ("physics", "physics"),
    ("pickaxes", "pickaxe"),
    ("pinkies", "pinkie"),
    ("pixies", "pixie"),
    ("plateaux", "plateau"),
    ("pliers", "pliers"),
    ("politics", "politics"),
    ("porsches", "porsche"),
    ("potpies", "potpie"),
    ("prairies", "prairie"),
    ("psyches", "psyche"),
    ("pyjamas", "pyjamas"),
    ("quiches", "quiche"),
    ("quickies", "quickie"),
    ("quizzes", "quiz"),
    ("rabbis", "rabbi"),
    ("radii", "radius"),
    ("ramen", "ramen"),
    ("regimen", "regimen"),
    ("rhinoceros", "rhinoceros"),
    ("rhinoceroses", "rhinoceros"),
    ("roes", "roe"),
    ("rookies", "rookie"),
    ("ruses", "ruse"),
    ("rvs", "rv"),
    ("safaris", "safari"),
    ("salmon", "salmon"),
    ("saris", "sari"),
    ("sassafras", "sassafras"),
    ("scarves", "scarf"),
    ("scissors", "scissors"),
    ("selfies", "selfie"),
    ("selves", "self"),
    ("semen", "semen"),
    ("semis", "semi"),
    ("series", "series"),
    ("sheaves", "sheaf"),
    ("sheep", "sheep"),
    ("shelves", "shelf"),
    ("shorts", "shorts"),
    ("shrimp", "shrimp"),
    ("skis", "ski"),
    ("slacks", "slacks"),
    ("smoothies", "smoothie"),
    ("sorties", "sortie"),
    ("spacecraft", "spacecraft"),
    ("species", "species"),
    ("specimen", "specimen"),
    ("stairs", "stairs"),
    ("stamen", "stamen"),
    ("stimuli", "stimulus"),
    ("stomachaches", "stomachache"),
    ("strata", "stratum"),
    ("sunglasses", "sunglasses"),
    ("surroundings", "surroundings"),
    ("suvs", "suv"),
    ("sweatpants", "sweatpants"),
    ("sweeties", "sweetie"),
    ("swiss", "swiss"),
    ("talkies", "talkie"),
    ("taxis", "taxi"),
    ("teeth", "tooth"),
    ("texas", "texas"),
    ("thanks", "thanks"),
    ("theses", "thesis"),
    ("thieves", "thief"),
    ("throes", "throe"),
    ("tights", "tights"),
    ("tiptoes", "tiptoe"),
    ("toes", "toe"),
    ("tongs", "tongs"),
    ("toothaches", "toothache"),
    ("topazes", "topaz"),
    ("towards", "towards"),
    ("townies", "townie"),
    ("trellises", "trellis"),
    ("trolleybuses", "trolleybus"),
    ("trousers", "trousers"),
    ("trout", "trout"),
    ("tutus", "tutu"),
    ("tvs", "tv"),
    ("tweezers", "tweezers"),
    ("upstairs", "upstairs"),
    ("various", "various"),
    ("vcrs", "vcr"),
    ("veggies", "veggie"),
    ("vertebrae", "vertebra"),
    ("vertices", "vertex"),
    ("waltzes", "waltz"),
    ("wharves", "wharf"),
    ("wives", "wife"),
    ("woes", "woe"),
    ("wolves", "wolf"),
    ("women", "woman"),
    ("yemen", "yemen"),
    ("yes", "yes"),
    ("yetis", "yeti"),
    ("zombies", "zombie"),
    ("zucchinis", "zucchini"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(IRREGULAR.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn plurals_become_singular() {
        for (plural, singular) in [
            ("dogs", "dog"),
            ("men", "man"),
            ("people", "person"),
            ("firemen", "fireman"),
            ("policewomen", "policewoman"),
            ("grandchildren", "grandchild"),
            ("boxes", "box"),
            ("benches", "bench"),
            ("brushes", "brush"),
            ("dresses", "dress"),
            ("horses", "horse"),
            ("houses", "house"),
            ("buses", "bus"),
            ("walruses", "walrus"),
            ("tomatoes", "tomato"),
            ("shoes", "shoe"),
            ("horseshoes", "horseshoe"),
            ("knives", "knife"),
            ("gloves", "glove"),
            ("leaves", "leaf"),
            ("cookies", "cookie"),
            ("ladies", "lady"),
            ("ties", "tie"),
            ("t-shirts", "t-shirt"),
            ("frisbees", "frisbee"),
            ("mangoes", "mango"),
            ("toes", "toe"),
            ("axes", "axe"),
            ("mustaches", "mustache"),
            ("skis", "ski"),
        ] {
            assert_eq!(lemma(plural), singular, "{plural}");
        }
    }

    #[test]
    fn what_is_no_plural_stays() {
        for word in [
            "dog",
            "bus",
            "grass",
            "tennis",
            "cactus",
            "glasses",
            "sunglasses",
            "scissors",
            "jeans",
            "sheep",
            "gas",
            "lens",
            "specimen",
            "abdomen",
            "is",
            "s",
            "",
            "christmas",
            "1980s",
            "shorts",
            "-",
            "x-",
            "series",
            "canvas",
        ] {
            assert_eq!(lemma(word), word);
        }
    }

    #[test]
    fn a_lemma_is_its_own_lemma() {
        for (plural, singular) in IRREGULAR {
            assert_eq!(lemma(singular), singular, "of {plural}");
        }
    }
}
