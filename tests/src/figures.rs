//! What benches print, read back into one table. Called by `cargo xtask bench`.
//!
//! Two sorts of benches: divan's, whose tree of medians is read as it is printed, and our own, which print a line
//! `NAME <tab> FIGURE` for each result and whatever else they like.

use std::fmt::Write;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    pub name: String,
    pub value: String,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Figure {
        Figure { name: name.into(), value: value.into() }
    }
}

/// One bench of divan's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    pub name: String,
    /// The median, in divan's words: `231.4 ns`.
    pub median: String,
    /// Median number of allocations; `None` where the bench doesn't count them or made none.
    pub allocations: Option<String>,
}

impl Timed {
    /// How many in a second, by the median.
    pub fn per_second(&self) -> Option<f64> {
        let (number, unit) = self.median.split_once(' ')?;
        let seconds = match unit {
            "ns" => 1e-9,
            "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            _ => return None,
        };
        Some(1.0 / (number.parse::<f64>().ok()? * seconds))
    }
}

/// The position of the median among divan's columns.
const MEDIAN: usize = 2;

/// The benches of divan's tree.
pub fn timed(output: &str) -> Vec<Timed> {
    let mut found: Vec<Timed> = Vec::new();
    let mut counts_follow = false;
    for line in output.lines() {
        let branch = line.strip_prefix("├─ ").or_else(|| line.strip_prefix("╰─ "));
        let cells: Vec<&str> = branch.unwrap_or(line.trim_start_matches(['│', ' '])).split('│').collect();
        let median = cells.get(MEDIAN).map(|cell| cell.trim().to_owned()).unwrap_or_default();
        if branch.is_some() {
            let name = cells[0].split_whitespace().next().unwrap_or_default().to_owned();
            found.push(Timed { name, median, allocations: None });
        } else if counts_follow && let Some(last) = found.last_mut() {
            last.allocations = Some(median);
        }
        counts_follow = cells[0].trim() == "alloc:";
    }
    found
}

/// The figures that a bench of ours told.
pub fn told(output: &str) -> Vec<Figure> {
    let lines = output.lines().filter_map(|line| line.split_once('\t'));
    lines.map(|(name, value)| Figure::new(name, value)).collect()
}

/// Names on the left, figures on the right.
pub fn table(figures: &[Figure]) -> String {
    let width = figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or_default();
    let mut table = String::new();
    for Figure { name, value } in figures {
        // Writing to a string can't fail.
        let _ = writeln!(table, "{name:width$}  {value}");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIVAN: &str = "Timer precision: 20 ns
decide              fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ allowed_page     201.4 ns      │ 1.204 µs      │ 231.4 ns      │ 240 ns        │ 100     │ 3200
╰─ refused_host     2.301 µs      │ 9.204 µs      │ 2.5 µs        │ 2.9 µs        │ 100     │ 800
                    alloc:        │               │               │               │         │
                      1           │ 3             │ 2             │ 2             │         │
                      24 B        │ 24 B          │ 24 B          │ 24 B          │         │
";

    #[test]
    fn reads_medians_and_allocations() {
        let named = |name: &str, median: &str, allocations: Option<&str>| Timed {
            name: name.into(),
            median: median.into(),
            allocations: allocations.map(str::to_owned),
        };
        let expected = [named("allowed_page", "231.4 ns", None), named("refused_host", "2.5 µs", Some("2"))];
        assert_eq!(timed(DIVAN), expected);
        assert_eq!(expected[1].per_second().map(f64::round), Some(400_000.0));
    }

    #[test]
    fn sets_figures_in_columns() {
        let figures = told("warming up\nshort\t1 ms\na longer name\t2 MB\n");
        assert_eq!(table(&figures), "short          1 ms\na longer name  2 MB\n");
    }
}
