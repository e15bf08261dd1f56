//! The French chain over folded words: which carry no meaning, and what a word is without its ending.
//!
//! Pure. Everything here works on words whose accents are off already, so that a query typed without accents finds exactly what
//! the accented one does.

use std::sync::LazyLock;

use frostem::{Algorithm, Stemmer};

/// Folded words of the tongue's machinery, and those that make a question of a sentence. In order. `été` is not one: people look for
/// work in summer.
#[rustfmt::skip]
const STOP: &[&str] = &[
    "a", "afin", "ai", "ainsi", "alors", "apres", "as", "au", "aucun", "aucune", "aujourd", "auquel", "aussi",
    "autre", "autres", "aux", "auxquelles", "auxquels", "avaient", "avait", "avant", "avec", "avez", "avoir",
    "avons", "c", "ca", "car", "ce", "ceci", "cela", "celle", "celles", "celui", "ces", "cet", "cette",
    "ceux", "chez", "ci", "combien", "comme", "comment", "d", "dans", "de", "depuis", "des", "donc", "dont",
    "du", "duquel", "elle", "elles", "en", "entre", "es", "est", "et", "etaient", "etait", "etant",
    "etes", "etre", "eu", "eux", "furent", "fut", "hui", "il", "ils", "j", "je", "jusqu", "jusque", "l", "la",
    "laquelle", "le", "lequel", "les", "lesquelles", "lesquels", "leur", "leurs", "lors", "lorsque", "lui",
    "m", "ma", "mais", "me", "meme", "memes", "mes", "moi", "mon", "n", "ne", "ni", "nos", "notre", "nous",
    "on", "ont", "ou", "par", "parce", "pas", "pendant", "pour", "pourquoi", "puis", "qu", "quand", "que",
    "quel", "quelle", "quelles", "quels", "qui", "quoi", "s", "sa", "sans", "se", "selon", "sera", "seront",
    "ses", "si", "soit", "son", "sont", "sous", "suis", "sur", "t", "ta", "te", "tes", "toi", "ton", "tous",
    "tout", "toute", "toutes", "tres", "tu", "un", "une", "vers", "vos", "votre", "vous", "y",
];

/// Whether a folded word says nothing by itself.
pub fn is_stop(folded: &str) -> bool {
    STOP.binary_search(&folded).is_ok()
}

/// A folded word without its ending, as Snowball's French stemmer cuts it. It knows endings by their accents, yet cuts folded words
/// better than stemmers made for them: the README has the figures.
pub fn stem(folded: &str) -> String {
    STEMMER.stem(folded).into_owned()
}

static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::French));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;
    use proptest::prelude::*;

    #[test]
    fn the_stop_list_is_folded_and_in_order() {
        assert!(STOP.is_sorted());
        assert!(STOP.iter().all(|word| words::fold(word) == *word));
    }

    #[test]
    fn forms_of_a_word_are_one() {
        for forms in [
            ["école", "Écoles"],
            ["national", "nationaux"],
            ["travailler", "travaillé"],
            ["demandeur", "Demandeurs"],
            ["aide", "aidé"],
        ] {
            let [one, other] = forms.map(|form| stem(&words::fold(form)));
            assert_eq!(one, other, "{forms:?}");
        }
    }

    proptest! {
        #[test]
        fn any_word_has_a_stem(text in any::<String>()) {
            for word in words::words(&text) {
                let _ = (is_stop(&word.folded), stem(&word.folded));
            }
        }
    }
}
