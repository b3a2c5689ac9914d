//! Laws over the report's pages.

use crate::law;
use base64::prelude::{BASE64_STANDARD, Engine};
use convcheck::bench::Timing;
use convcheck::check::{check, select};
use convcheck::claim::{self, Suite};
use convcheck::document::{self, Document};
use convcheck::evidence::{Evaluator, Training};
use convcheck::experiment;
use convcheck::record::{Provenance, Record};
use convcheck::report::{self, Page, RenderError, Report, junit, markdown};
use convcheck::visible;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

pub fn trials() -> Vec<Trial> {
    vec![
        law("pages::links-lead-somewhere", links),
        law("pages::same-inputs-same-bytes", deterministic),
        law("pages::nothing-is-fetched", self_contained),
        law("pages::hostile-text-is-escaped", hostile),
        law("pages::any-text-is-shown-as-what-it-is", any_text),
        law("pages::their-policy-allows-what-they-use", policy),
        law(
            "pages::a-text-of-ones-own-is-all-that-they-speak-of",
            own_text,
        ),
        law("pages::a-record-without-a-suite-is-an-error", orphan),
    ]
}

pub fn provenance() -> Provenance {
    Provenance {
        command: "convcheck".into(),
        version: "0".into(),
        commit: None,
        date: "1970-01-01".into(),
        machine: "a machine".into(),
    }
}

pub fn checked(suites: &[Suite]) -> Vec<Record> {
    let registry = Registry::builtin();
    let training = Training::new(experiment::embedded(&registry).unwrap(), []);
    let evaluator = Evaluator::new(&registry);
    let checked = check(select(suites, None), &evaluator, &training, false, |_| true);
    assert!(checked.errors.is_empty(), "{:?}", checked.errors);
    checked.records
}

/// The pages about the embedded suites' text.
pub fn render(
    suites: &[Suite],
    records: &[Record],
    training: &Training,
    timings: &[Timing],
    provenance: &Provenance,
    registry: &Registry,
) -> Result<Vec<Page>, RenderError> {
    report::render(&Report {
        document: &document::embedded().unwrap(),
        suites,
        errors: &[],
        records,
        training,
        timings,
        below: &[],
        provenance: Some(provenance),
        registry,
    })
}

/// The pages about the document; its claims are checked once for all laws.
fn pages() -> Vec<Page> {
    static RECORDS: LazyLock<Vec<Record>> = LazyLock::new(|| checked(&claim::embedded().unwrap()));
    let suites = claim::embedded().unwrap();
    render(
        &suites,
        &RECORDS,
        &Training::default(),
        &[],
        &provenance(),
        &Registry::builtin(),
    )
    .unwrap()
}

/// The values of an attribute in a page.
pub fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    html.match_indices(&start)
        .map(|(i, _)| {
            let rest = &html[i + start.len()..];
            &rest[..rest.find('"').unwrap()]
        })
        .collect()
}

fn links() {
    lead_somewhere(&pages());
}

/// Every link leads to a page or a place on it, and no place is there twice.
pub fn lead_somewhere(pages: &[Page]) {
    let mut places = BTreeSet::new();
    for page in pages {
        places.insert(page.file.clone());
        for id in attributes(&page.html, "id") {
            assert!(
                places.insert(format!("{}#{id}", page.file)),
                "{}: id {id} stands twice",
                page.file
            );
        }
    }
    for page in pages {
        for link in attributes(&page.html, "href") {
            let target = match link.strip_prefix('#') {
                Some(anchor) => format!("{}#{anchor}", page.file),
                None => link.to_string(),
            };
            // what is chosen behind ? is the search's
            let target = target.split('?').next().unwrap_or_default();
            assert!(
                places.contains(target) || link.starts_with("http"),
                "{}: {link} leads nowhere",
                page.file
            );
        }
    }
}

fn deterministic() {
    assert_eq!(pages(), pages());
}

fn self_contained() {
    stand_alone(&pages());
}

/// No page fetches anything, and only that of all claims has a script.
pub fn stand_alone(pages: &[Page]) {
    for page in pages {
        for attribute in ["src", "srcset", "data", "poster"] {
            assert!(
                attributes(&page.html, attribute).is_empty(),
                "{}: {attribute}",
                page.file
            );
        }
        for fetch in [
            "<link",
            "<iframe",
            "@import",
            "url(",
            "import(",
            "fetch(",
            "XMLHttpRequest",
        ] {
            assert!(!page.html.contains(fetch), "{}: {fetch}", page.file);
        }
        let scripts = page.html.matches("<script").count();
        assert_eq!(
            scripts,
            usize::from(page.file == "claims.html"),
            "{}",
            page.file
        );
    }
}

const HOSTILE: &str = r#"
system = "evil"
title = "<b>bold</b> \"title\" & more"
analysis = "<script>alert('a')</script> | pipe"
models = ["conv3x3"]

[[claim]]
id = "evil.one"
section = "<i>1</i>"
line = 1
says = "<script>alert(\"b\")</script> | <img src=x onerror=alert(1)>"
stated = "<u>"
measure = "'</code><script>' + \"'\""
note = "]]> <script>alert(3)</script>"
covers = ["evil.\"two\""]

[[claim]]
id = "evil.three"
section = "1"
line = 2
says = "x"
cites = "<script>alert(4)</script>"

[[claim]]
id = "evil.four"
section = "\u001b[31m \u05E9 12"
says = "\u001b]8;;http://evil.invalid\u001b\\\u0000\u0007\u009b2J\u202e\uFFFE\uFFFF\u2028 cr \r a\n\n# b"
stated = "\u001b[32mconfirmed\u001b[0m"
measure = "'x\u001b[1A\u001b[2Kall confirmed\u0000\u0008\\nall confirmed'"
note = "&#x202e; \u200b\u2066 ` `` ~~~ $x$ - [a](http://b) <img src=x>"
"#;

fn hostile() {
    let suites = claim::parse(Path::new("evil.toml"), HOSTILE)
        .whole()
        .unwrap();
    let records = checked(&suites);
    let mut provenance = provenance();
    provenance.command = "convcheck '<script>'".into();
    for page in render(
        &suites,
        &records,
        &Training::default(),
        &[],
        &provenance,
        &Registry::builtin(),
    )
    .unwrap()
    {
        for markup in ["<b>bold", "<i>", "<u>", "<img"] {
            assert!(!page.html.contains(markup), "{} has {markup}", page.file);
        }
        assert!(visible::text(&page.html) == page.html, "{}", page.file);
        // the page with all claims has one script, which is ours
        let scripts = page.html.matches("<script").count();
        assert_eq!(
            scripts,
            usize::from(page.file == "claims.html"),
            "{}",
            page.file
        );
    }
    let markdown = markdown(&suites, &records, &[]);
    assert!(!markdown.contains('<'), "{markdown}");
    let row = markdown
        .lines()
        .find(|line| line.starts_with('|') && line.contains("evil.one"))
        .unwrap();
    let columns = row.replace("\\|", "").matches('|').count();
    assert_eq!(columns, 6, "a pipe in a cell broke the table: {row}");
    let xml = junit(&suites, &records, &[]).unwrap();
    assert!(!xml.contains("<script"), "{xml}");
    let claims = report::claims_text(&records);
    let summary = report::summary(&suites, &records, &[]);
    for text in [&markdown, &xml, &claims, &summary] {
        assert_eq!(visible::text(text), **text);
    }
    // a value's lines are not lines of the program's
    let lines = claims
        .lines()
        .chain(summary.lines())
        .chain(markdown.lines());
    assert!(
        !lines.into_iter().any(|line| line.starts_with("all")),
        "{claims}{summary}"
    );
    for shown in ["\\u001B[32mconfirmed", "x\\u001B[1A"] {
        assert!(claims.contains(shown), "{claims}");
    }
}

/// A suite whose title, prose and claims are those texts.
fn telling(texts: &[String]) -> String {
    let texts = texts.iter().map(|text| toml::Value::String(text.clone()));
    let claim = |(i, text): (usize, &toml::Value)| {
        let basis = match i % 3 {
            0 => "stated = \"a\"\nmeasure = \"'b'\"".to_string(),
            1 => format!("cites = {text}"),
            _ => format!("needs = {text}\ncovers = [\"any.too-{i}\"]"),
        };
        format!(
            "[[claim]]\nid = \"any.{i}\"\nsection = {text}\nsays = {text}\nnote = {text}\n{basis}\n"
        )
    };
    let texts: Vec<toml::Value> = texts.collect();
    let claims: String = texts.iter().enumerate().map(claim).collect();
    let first = &texts[0];
    format!("system = \"any\"\ntitle = {first}\nanalysis = {first}\n{claims}")
}

/// Whatever characters an author uses, in pages, Markdown, JUnit and text nothing acts.
fn any_text() {
    let hidden = "[\0-\u{9f}\u{ad}\u{200b}-\u{2069}\u{300}-\u{30f}\u{590}-\u{6ff}\u{fe00}-\u{feff}\u{fff0}-\u{ffff}\u{e0000}-\u{e007f}a<|`]{0,40}";
    let text = prop_oneof![hidden, "(?s:.{0,60})"];
    // a report costs the same for one text and for many
    let texts = proptest::collection::vec(text, 60);
    let config = Config {
        cases: 6,
        failure_persistence: None,
        ..Config::default()
    };
    let shows = |texts: Vec<String>| {
        let suites = claim::parse(Path::new("any.toml"), &telling(&texts));
        let suites = suites.whole().unwrap();
        let records = checked(&suites);
        let (training, registry) = (Training::default(), Registry::builtin());
        let pages = render(&suites, &records, &training, &[], &provenance(), &registry);
        for page in pages.unwrap() {
            prop_assert!(visible::text(&page.html) == page.html);
        }
        let xml = junit(&suites, &records, &[]).unwrap();
        let mut reader = quick_xml::Reader::from_str(&xml);
        while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
        let markdown = markdown(&suites, &records, &[]);
        for text in [xml, markdown, report::claims_text(&records)] {
            prop_assert!(visible::text(&text) == text);
        }
        Ok(())
    };
    TestRunner::new(config).run(&texts, shows).unwrap();
}

/// Each page says what a browser may do on it: apply its style, run its script, if it has one, and nothing else.
fn policy() {
    for page in pages() {
        let policies = attributes(&page.html, "content").into_iter();
        let policies: Vec<&str> = policies.filter(|one| one.contains("default-src")).collect();
        let [policy] = policies[..] else {
            panic!("{}: {policies:?}", page.file)
        };
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        for tag in ["style", "script"] {
            for (i, start) in page.html.match_indices(&format!("<{tag}>")) {
                let content = &page.html[i + start.len()..];
                let content = &content[..content.find(&format!("</{tag}>")).unwrap()];
                let hash = BASE64_STANDARD.encode(Sha256::digest(content));
                assert!(
                    policy.contains(&format!("{tag}-src 'sha256-{hash}'")),
                    "{}: {tag}",
                    page.file
                );
            }
        }
        // a handler in markup would not run
        let outside = page.html.split("<script>").next().unwrap();
        let tags = outside.split('<').map(|tag| tag.split('>').next().unwrap());
        let handler = tags
            .flat_map(|tag| tag.split(' ').skip(1))
            .find(|part| part.starts_with("on") && part.contains('='));
        assert_eq!(handler, None, "{}", page.file);
    }
}

/// A suite about another text, and its report: no model, no sentence and no plot of the article's.
fn own_text() {
    let suite = r#"
system = "mine"
title = "My text on LeNet-5"
models = ["lenet5_1998"]

[[claim]]
id = "mine.parameters"
section = "1"
line = 1
says = "LeNet-5 has 60,000 parameters."
stated = 60000
measure = "params('lenet5_1998')"
tolerance = "about"
"#;
    let suites = claim::parse(Path::new("mine.toml"), suite).whole().unwrap();
    let records = checked(&suites);
    let document = Document {
        title: "A text on small networks".into(),
        source: Some("An author, 2026".into()),
        ..Document::default()
    };
    let registry = Registry::builtin();
    let pages = report::render(&Report {
        document: &document,
        suites: &suites,
        errors: &[],
        records: &records,
        training: &Training::new(experiment::embedded(&registry).unwrap(), []),
        timings: &[],
        below: &[],
        provenance: Some(&provenance()),
        registry: &registry,
    })
    .unwrap();
    lead_somewhere(&pages);
    let first = &pages[0].html;
    assert!(first.contains("<h1>A text on small networks, checked</h1>"));
    assert!(first.contains("An author, 2026"));
    let article = document::embedded().unwrap();
    let about = |text: &Option<String>| text.clone().unwrap();
    for page in &pages {
        for foreign in [
            &*article.title,
            &about(&article.statements),
            "classical",
            "article_",
            "alexnet",
            &article.pairs[0].title,
            &article.savings.as_ref().unwrap().title,
            r#"id="experiments""#,
            "degradation",
        ] {
            let file = &page.file;
            assert!(!page.html.contains(foreign), "{file} has {foreign}");
        }
        let shows = page.html.contains("lenet5_1998");
        // the first page names what is refuted, plots what can be set beside others
        let silent = ["index.html", "plots.html"].contains(&&*page.file);
        assert!(shows || silent, "{}", page.file);
    }
}

fn orphan() {
    let suites = claim::parse(Path::new("evil.toml"), HOSTILE)
        .whole()
        .unwrap();
    let records = checked(&suites);
    let error = render(
        &[],
        &records,
        &Training::default(),
        &[],
        &provenance(),
        &Registry::builtin(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("evil.one"), "{error}");
}
