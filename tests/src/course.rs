//! "Cours d'exemple": a small course in HTML, made for tests and demo, and the policy that opens the catalogue.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The catalogue as a service; to be put behind a policy's own services.
pub const POLICY: &str = "\n[[service]]\nid = \"catalogue\"\ncategory = \"training\"\n";
/// What the links between the pages read.
pub const NEXT: &str = "Leçon suivante";
/// Names of the lessons' files.
pub const LESSONS: [&str; 3] = ["index.html", "lecon-2.html", "lecon-3.html"];

/// Title, and a sentence that only this lesson has.
const TEXTS: [(&str, &str); 3] = [
    ("Les outils de l'atelier", "Avant de commencer, rangez les outils de la menuiserie sur l'établi."),
    ("Tracer et scier", "On trace le trait au crayon, puis on scie la planche de chêne à côté du trait."),
    ("Assembler et coller", "Le tenon entre dans la mortaise ; la colle sèche pendant une nuit."),
];

/// Writes the course as a folder of HTML below `folder`, ready for `catalogue add`.
pub fn write(folder: &Path) -> Result<PathBuf> {
    let course = folder.join("cours-exemple");
    fs::create_dir_all(&course).with_context(|| format!("making {}", course.display()))?;
    for (place, (title, sentence)) in TEXTS.iter().enumerate() {
        let next = LESSONS.get(place + 1).map(|file| format!("<p><a href=\"{file}\">{NEXT}</a></p>"));
        let page = format!(
            "<!doctype html><html lang=\"fr\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"description\" content=\"Un cours d'exemple en trois leçons.\"></head>\
             <body style=\"font: 22px sans-serif; margin: 40px; max-width: 40em\"><h1>{title}</h1>\
             <p>{sentence}</p>{}</body></html>",
            next.unwrap_or_default()
        );
        fs::write(course.join(LESSONS[place]), page)?;
    }
    Ok(course)
}
