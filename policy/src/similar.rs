//! "Did you mean": the word nearest to a mistyped one.

/// More changes than one in three letters is another word.
const LETTERS_PER_CHANGE: usize = 3;

/// The nearest of `words`, if one is near.
pub fn nearest<'w>(typed: &str, words: &[&'w str]) -> Option<&'w str> {
    let (distance, word) = words.iter().map(|word| (distance(typed, word), *word)).min()?;
    (distance * LETTERS_PER_CHANGE <= typed.chars().count().max(LETTERS_PER_CHANGE)).then_some(word)
}

/// Levenshtein distance in characters.
pub fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}
