//! Laws over the source: imports go one way, and the pure modules stay pure.

use crate::{law, repository};
use libtest_mimic::Trial;
use std::path::Path;

/// Modules in reading order; each may use those of earlier ranks and, within a rank, itself.
const RANKS: &[&[&str]] = &[
    &["claim", "digest", "graph", "nearest", "random", "file"],
    &["document", "drawing", "stats", "zoo", "analysis"],
    &["reference"],
    &["allocator", "device", "ops"],
    &["net", "data"],
    &["run"],
    &["train"],
    &["gpu"],
    &["bench"],
    &["experiment"],
    &["evidence"],
    &["verdict"],
    &["record"],
    &["check"],
    &["compare"],
    &["report"],
    &["pipeline"],
    &["cli", "main", "lib"],
];

/// Modules that must work without tensors.
const PURE: &[&str] = &[
    "graph", "zoo", "analysis", "claim", "document", "drawing", "stats", "verdict",
];

pub fn trials() -> Vec<Trial> {
    vec![
        law("modules::imports-go-one-way", one_way),
        law("modules::pure-modules-never-name-candle", pure),
        law("modules::every-module-has-a-rank", ranked),
    ]
}

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|rank| rank.contains(&module))
}

/// Each source file with the module that it belongs to.
fn sources() -> Vec<(String, String, String)> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<(String, String, String)>) {
        let mut entries: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(root).unwrap();
                let first = inside
                    .components()
                    .next()
                    .unwrap()
                    .as_os_str()
                    .to_str()
                    .unwrap();
                let module = first.trim_end_matches(".rs").to_string();
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((inside.display().to_string(), module, text));
            }
        }
    }
    let root = repository("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// The modules of this crate that a text names.
fn named(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    code.match_indices("crate::")
        .map(|(i, start)| {
            let rest = &code[i + start.len()..];
            rest.chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn one_way() {
    for (file, module, text) in sources() {
        if module == "lib" || module == "main" {
            continue;
        }
        assert!(
            !text.contains("use crate::{"),
            "{file}: one module a `use` line, so that this law can read it"
        );
        let own = rank(&module).unwrap();
        for used in named(&text) {
            let Some(other) = rank(&used) else { continue };
            assert!(
                other < own || used == module,
                "{file} uses {used}, which comes later or beside it"
            );
        }
    }
}

fn pure() {
    for (file, module, text) in sources() {
        if PURE.contains(&module.as_str()) {
            assert!(!text.contains("candle"), "{file} names candle");
        }
    }
}

fn ranked() {
    for (file, module, _) in sources() {
        assert!(
            rank(&module).is_some(),
            "{file}: give `{module}` a rank in this law"
        );
    }
}
