//! How well and how fast French questions find their paragraph: the catalogue's search beside SQLite FTS5, on PIAF 1.1.
//!
//! `PASSERELLE_TEST_DATA=FOLDER cargo bench -p passerelle-catalogue --bench relevance [-- --json] [-- --tuning]`; reads
//! `FOLDER/french/piaf-v1.1.json`. Even questions were tuned on (`--tuning`), odd ones are reported. Exits 1 below the goal: FTS5's
//! clean figure on clean questions, 95 % of it on misspelt ones.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use passerelle_catalogue::relevance::{self, Collection, Question, Random};
use passerelle_catalogue::{Index, Item, ItemId, ItemKind, Passage, Query};
use sqlx::{Connection, Row, SqliteConnection};

const SEED: u64 = 7;
/// What misspelt questions must reach of FTS5's figure on clean ones.
const GOAL_MISSPELT: f64 = 0.95;

fn main() -> anyhow::Result<ExitCode> {
    let asked: Vec<String> = std::env::args().collect();
    let told = |flag: &str| asked.iter().any(|argument| argument == flag);
    let Some(folder) = std::env::var_os("PASSERELLE_TEST_DATA") else {
        println!("skipped: PASSERELLE_TEST_DATA is not set, so no questions were read");
        return Ok(ExitCode::SUCCESS);
    };
    let collection = Collection::read(&Path::new(&folder).join("french/piaf-v1.1.json"))?;
    let half = usize::from(!told("--tuning"));
    let questions: Vec<Question> = collection.questions.iter().skip(half).step_by(2).cloned().collect();

    let place = tempfile::tempdir()?;
    let ours = Ours::index(place.path(), &collection)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut theirs = Fts5 { connection: runtime.block_on(Fts5::index(&collection))?, runtime };
    let ours = Figures::measure(&questions, |text| ours.search(text))?;
    let theirs = Figures::measure(&questions, |text| theirs.search(text))?;

    let goal_met = ours.clean >= theirs.clean && ours.misspelt >= GOAL_MISSPELT * theirs.clean;
    if told("--json") {
        let figures = |f: &Figures| {
            serde_json::json!({ "clean": f.clean, "without_accents": f.without_accents,
            "misspelt": f.misspelt, "queries_per_second": f.queries_per_second, "misspelt_queries_per_second": f.misspelt_per_second })
        };
        let all = serde_json::json!({ "measure": "nDCG@10", "paragraphs": collection.paragraphs.len(), "questions": questions.len(),
            "seed": SEED, "passerelle": figures(&ours), "fts5": figures(&theirs), "goal_met": goal_met });
        println!("{all}");
    } else {
        println!(
            "nDCG@10 of {} questions on {} paragraphs (PIAF 1.1), seed {SEED}",
            questions.len(),
            collection.paragraphs.len()
        );
        println!(
            "{:12} {:>8} {:>15} {:>9} {:>10} {:>19}",
            "", "clean", "without accents", "misspelt", "queries/s", "misspelt queries/s"
        );
        for (name, f) in [("passerelle", &ours), ("SQLite FTS5", &theirs)] {
            println!(
                "{name:12} {:8.4} {:15.4} {:9.4} {:10.0} {:19.0}",
                f.clean, f.without_accents, f.misspelt, f.queries_per_second, f.misspelt_per_second
            );
        }
        println!(
            "of FTS5's clean figure: clean {:.1} %, misspelt {:.1} % (goal 100 % and 95 %: {})",
            100.0 * ours.clean / theirs.clean,
            100.0 * ours.misspelt / theirs.clean,
            if goal_met { "met" } else { "missed" }
        );
    }
    Ok(if goal_met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Figures {
    clean: f64,
    without_accents: f64,
    misspelt: f64,
    queries_per_second: f64,
    misspelt_per_second: f64,
}

impl Figures {
    fn measure(
        questions: &[Question],
        mut search: impl FnMut(&str) -> anyhow::Result<Vec<usize>>,
    ) -> anyhow::Result<Figures> {
        let mut random = Random(SEED);
        let mut mean = |spoil: &mut dyn FnMut(&str) -> String| -> anyhow::Result<(f64, f64)> {
            let texts: Vec<String> = questions.iter().map(|question| spoil(&question.text)).collect();
            let begun = Instant::now();
            let mut gained = 0.0;
            for (text, question) in texts.iter().zip(questions) {
                gained += relevance::gain(&search(text)?, question.answer);
            }
            let count = questions.len() as f64;
            Ok((gained / count, count / begun.elapsed().as_secs_f64()))
        };
        let (clean, queries_per_second) = mean(&mut str::to_owned)?;
        let (without_accents, _) = mean(&mut relevance::without_accents)?;
        let (misspelt, misspelt_per_second) = mean(&mut |text| relevance::with_faults(text, &mut random))?;
        Ok(Figures { clean, without_accents, misspelt, queries_per_second, misspelt_per_second })
    }
}

struct Ours(Index);

impl Ours {
    fn index(folder: &Path, collection: &Collection) -> anyhow::Result<Ours> {
        let index = Index::open(folder)?;
        let item = Item {
            id: ItemId::parse("piaf")?,
            kind: ItemKind::Html,
            title: "PIAF".into(),
            description: String::new(),
            language: "fr".into(),
            trade: None,
            level: None,
            start: "/0".into(),
            pages: collection.paragraphs.len() as u64,
            bytes: 0,
            added_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let passages = collection.paragraphs.iter().enumerate().map(|(at, paragraph)| Passage {
            path: format!("/{at}"),
            title: paragraph.title.clone(),
            heading: String::new(),
            text: paragraph.text.clone(),
        });
        index.add(&item, passages)?;
        Ok(Ours(index))
    }

    fn search(&self, text: &str) -> anyhow::Result<Vec<usize>> {
        let found = self.0.search(&Query { text: text.into(), ..Query::default() })?;
        found
            .hits
            .iter()
            .map(|hit| hit.path[1..].parse().context("a path of the bench is a number"))
            .collect()
    }
}

/// The peer: every word of the question, quoted, OR between them, BM25 with its defaults, accents off.
struct Fts5 {
    connection: SqliteConnection,
    runtime: tokio::runtime::Runtime,
}

impl Fts5 {
    async fn index(collection: &Collection) -> anyhow::Result<SqliteConnection> {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
        let table = "CREATE VIRTUAL TABLE passage USING fts5(title, text, tokenize = 'unicode61 remove_diacritics 2')";
        sqlx::query(table).execute(&mut connection).await?;
        for (at, paragraph) in collection.paragraphs.iter().enumerate() {
            sqlx::query("INSERT INTO passage (rowid, title, text) VALUES (?, ?, ?)")
                .bind(at as i64)
                .bind(&paragraph.title)
                .bind(&paragraph.text)
                .execute(&mut connection)
                .await?;
        }
        Ok(connection)
    }

    fn search(&mut self, text: &str) -> anyhow::Result<Vec<usize>> {
        let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        let any = words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR ");
        if any.is_empty() {
            return Ok(Vec::new());
        }
        let best =
            sqlx::query("SELECT rowid FROM passage WHERE passage MATCH ? ORDER BY bm25(passage) LIMIT 10")
                .bind(any);
        let rows = self.runtime.block_on(best.fetch_all(&mut self.connection))?;
        rows.iter().map(|row| Ok(row.try_get::<i64, _>(0)? as usize)).collect()
    }
}
