use super::*;
use std::fs;
use std::io::ErrorKind;
use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// A folder in which a folder is called like the file of a project.
fn folder_of_one() -> TempDir {
    folder(&[("convcheck.toml/file", "")])
}

/// The project that `init` writes.
fn begun() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path()).unwrap();
    folder
}

const HEAD: &str = "[[document]]\ntitle = \"T\"\nsource = \"S\"\nsuites = [\"s.toml\"]\n";

#[test]
fn what_init_writes_is_a_project_without_a_fault() {
    let folder = begun();
    let project = Project::load(folder.path()).unwrap();
    let subject = project.subject(None).unwrap();
    assert_eq!(subject.errors, []);
    assert_eq!(subject.document.title, "My text on small networks");
    let systems: Vec<&str> = (subject.suites.iter())
        .map(|suite| &*suite.system)
        .collect();
    assert_eq!(systems, ["my-text"]);
    assert_eq!(subject.experiments.len(), experiment::EMBEDDED.len() + 1);
    subject.registry.find("resnet8_digits").unwrap();
}

#[test]
fn each_line_of_what_init_writes_has_a_comment() {
    let folder = begun();
    for file in [
        "convcheck.toml",
        "suites/my-text.toml",
        "experiments/learning-rate.toml",
    ] {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        let mut before = "";
        for line in text.lines() {
            let is_said = line.is_empty() || line.starts_with('#') || before.starts_with('#');
            assert!(is_said, "{file}: {line}");
            before = line;
        }
    }
}

#[test]
fn init_overwrites_nothing() {
    let folder = folder(&[("suites/my-text.toml", "mine")]);
    let error = init(folder.path()).unwrap_err().to_string();
    assert!(error.contains("my-text.toml: is there already"), "{error}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn init_begins_nothing_where_a_file_is_in_the_way() {
    let folder = folder(&[("experiments", "a file")]);
    let error = init(folder.path()).unwrap_err().to_string();
    assert!(error.contains("experiments: is there already"), "{error}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn two_spellings_of_a_file_are_one_file() {
    let folder = begun();
    let file = folder.path().join("convcheck.toml");
    let text = fs::read_to_string(&file).unwrap();
    let twice = "suites = [\"suites\", \"./suites\", \"experiments/../suites/my-text.toml\"]";
    fs::write(&file, text.replace("suites = [\"suites\"]", twice)).unwrap();
    let project = Project::load(folder.path()).unwrap();
    let subject = project.subject(None).unwrap();
    assert_eq!(subject.errors, []);
    assert_eq!(subject.suites.len(), 1);
}

#[test]
fn faults_have_their_place() {
    let with = |more: &str| format!("{more}\n{HEAD}");
    let models = |lines: &str| format!("{HEAD}[models]\n{lines}\n");
    let cases: &[(String, &str, &str)] = &[
        (with("suits = []"), "1:1", "suits"),
        (
            with("experiments = [\"e\", \"../e\"]"),
            "1:21",
            "leads out of the project",
        ),
        (
            with("experiments = [\"/etc\"]"),
            "1:16",
            "leads out of the project",
        ),
        (
            with("experiments = [\"a/../../e\"]"),
            "1:16",
            "leads out of the project",
        ),
        (
            with("experiments = [\"nowhere\"]"),
            "1:16",
            "there is no `nowhere`",
        ),
        (with("experiments = [\"empty\"]"), "1:16", "no *.toml"),
        ("experiments = []".into(), "1:1", "document"),
        ("document = []".into(), "1:12", "no document"),
        (HEAD.replace("[\"s.toml\"]", "[]"), "4:10", "suites"),
        (
            HEAD.replace("s.toml", "t.toml"),
            "4:11",
            "there is no `t.toml`",
        ),
        (
            format!("{HEAD}file = \"text.md\""),
            "5:8",
            "there is no `text.md`",
        ),
        (format!("{HEAD}file = \".\""), "5:8", "is no file"),
        (format!("{HEAD}file = \"\""), "5:8", "is no file"),
        (HEAD.replace("\"T\"", "\" \""), "2:9", "has a title"),
        (HEAD.replace("\"S\"", "\"\""), "3:10", "has a source"),
        (
            with("experiments = [\"s.toml\"]"),
            "5:10",
            "no suite is left",
        ),
        (models("a = \"vgg61\""), "6:5", "did you mean"),
        (
            models("a = \"vgg16\"\na = \"vgg19\""),
            "7:1",
            "duplicate key",
        ),
        (models("resnet18 = \"vgg16\""), "6:1", "resnet18"),
        (models("a = \"vgg16{clases=3}\""), "6:12", "clases"),
        (models("a = \"vgg16{input=3x4x4}\""), "6:5", "is no network"),
        (models("a = \"b\"\nb = \"a\""), "6:1", "builds on itself"),
        (models("a = 7"), "6:5", "string"),
    ];
    for (text, place, says) in cases {
        let folder = folder(&[
            (FILE, text),
            ("s.toml", ""),
            ("e", ""),
            ("empty/text.md", ""),
        ]);
        let Err(errors) = Project::load(folder.path()) else {
            panic!("{text}")
        };
        let error = errors.to_string();
        let begins = format!("{}:{place}: ", folder.path().join(FILE).display());
        let first = error.lines().next().unwrap();
        assert!(
            first.starts_with(&begins) && first.contains(says),
            "{text}\n{error}"
        );
    }
}

#[test]
fn all_faults_are_said_at_once() {
    let text = format!("experiments = [\"x\", \"y\"]\n{HEAD}[models]\na = \"vgg61\"\n");
    let folder = folder(&[(FILE, &text)]);
    let Err(errors) = Project::load(folder.path()) else {
        panic!("it is no project")
    };
    assert_eq!(errors.0.len(), 4, "{errors}");
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_project_is_no_part_of_it() {
    let other = folder(&[("s.toml", "")]);
    let folder = folder(&[(FILE, HEAD)]);
    std::os::unix::fs::symlink(other.path().join("s.toml"), folder.path().join("s.toml")).unwrap();
    let Err(errors) = Project::load(folder.path()) else {
        panic!("it is no project")
    };
    assert!(errors.to_string().contains("leads out"), "{errors}");
}

#[test]
fn files_below_folders_count() {
    let folder = begun();
    let from = folder.path().join("suites/my-text.toml");
    let to = folder.path().join("suites/deep/er/my-text.toml");
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(from, to).unwrap();
    let project = Project::load(folder.path()).unwrap();
    assert_eq!(project.suites().suites.len(), 1);
}

#[test]
fn a_project_may_name_its_own_folder() {
    let suite =
        "system = \"s\"\ntitle = \"S\"\n[[claim]]\nid = \"s.a\"\nsays = \"A.\"\ncites = \"A\"\n";
    let text = HEAD.replace("s.toml", ".");
    let folder = folder(&[
        (FILE, &text),
        ("s.toml", suite),
        ("reports/latest/machine.toml", ""),
        ("reports/latest/evidence.jsonl", ""),
    ]);
    let subject = Project::load(folder.path()).unwrap().subject(None).unwrap();
    assert_eq!((subject.suites.len(), subject.errors), (1, vec![]));
}

#[test]
fn a_suite_of_which_no_page_can_be_drawn_is_an_error_with_its_place() {
    let suite = |system: &str| {
        let claim = format!("[[claim]]\nid = \"{system}.a\"\nsays = \"A.\"\ncites = \"A\"\n");
        format!("title = \"S\"\nsystem = \"{system}\"\nmodels = [\"vgg61\", \"vgg16\"]\n{claim}")
    };
    let text = HEAD.replace("s.toml", "s");
    let systems = ["models", "own"].map(suite);
    let folder = folder(&[
        (FILE, &text),
        ("s/a.toml", &systems[0]),
        ("s/b.toml", &systems[1]),
    ]);
    let subject = Project::load(folder.path()).unwrap().subject(None).unwrap();
    let [taken, unknown] = &subject.errors[..] else {
        panic!("{:?}", subject.errors)
    };
    assert!(
        taken.to_string().contains("s/a.toml:2:10: system `models`"),
        "{taken}"
    );
    assert!(
        unknown
            .to_string()
            .contains("s/b.toml:3:11: models of `own`"),
        "{unknown}"
    );
    assert_eq!(subject.suites.len(), 1);
    let left: Vec<&str> = (subject.suites[0].models.iter())
        .map(|model| &*model.name)
        .collect();
    assert_eq!(left, ["vgg16"]);
}

#[test]
fn names_of_experiments_are_one_experiments() {
    let folder = begun();
    let own = folder.path().join("experiments/learning-rate.toml");
    let text = fs::read_to_string(&own).unwrap();
    fs::write(own.with_file_name("second.toml"), &text).unwrap();
    let shadow = text.replace("name = \"learning-rate\"", "name = \"degradation\"");
    fs::write(own.with_file_name("third.toml"), shadow).unwrap();
    let Err(errors) = Project::load(folder.path()).unwrap().experiments() else {
        panic!("two experiments have one name")
    };
    let [second, third] = &errors.0[..] else {
        panic!("{errors}")
    };
    assert!(
        second
            .to_string()
            .contains("second.toml:2:8: there is an experiment `learning-rate`"),
        "{second}"
    );
    assert!(
        third
            .to_string()
            .contains("third.toml:2:8: there is an experiment `degradation`"),
        "{third}"
    );
}

#[test]
fn the_nearest_project_is_found_upwards() {
    let folder = begun();
    let deep = folder.path().join("suites/a");
    assert_eq!(Project::nearest(&deep), Some("../..".into()));
    assert_eq!(Project::nearest(Path::new("/")), None);
    // what has its name and cannot be read is no reason to check another text
    let folder = folder_of_one();
    assert_eq!(Project::nearest(folder.path()), Some("".into()));
    Project::load(folder.path()).err().expect("it is a folder");
    // neither is a disk that does not answer
    let said = |kind: ErrorKind| is_passed_over::<()>(Err(kind.into()));
    assert!(said(ErrorKind::NotFound) && said(ErrorKind::NotADirectory));
    assert!(!said(ErrorKind::StorageFull) && !said(ErrorKind::TimedOut) && !said(ErrorKind::Other));
    assert!(!is_passed_over(Ok(())));
}

#[test]
fn the_programs_own_suites_are_added_on_request() {
    let folder = begun();
    let file = folder.path().join(FILE);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("builtin-suites = false", "builtin-suites = true"),
    )
    .unwrap();
    let subject = Project::load(folder.path()).unwrap().subject(None).unwrap();
    assert_eq!(subject.errors, []);
    assert_eq!(subject.suites.len(), claim::EMBEDDED.len() + 1);
    assert_eq!(subject.experiments.len(), experiment::EMBEDDED.len() + 1);
    let article = document::embedded().unwrap();
    assert!(
        subject.document.title.ends_with(&article.title),
        "{}",
        subject.document.title
    );
}

#[test]
fn a_wrong_experiment_hides_no_error_of_a_suite() {
    let folder = begun();
    for (file, from) in [
        ("experiments/learning-rate.toml", "title ="),
        ("suites/my-text.toml", "says ="),
    ] {
        let file = folder.path().join(file);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replacen(from, "x =", 1)).unwrap();
    }
    let project = Project::load(folder.path()).unwrap();
    let Err(errors) = project.subject(None) else {
        panic!("an experiment is wrong")
    };
    let errors = errors.to_string();
    for file in ["learning-rate.toml:", "my-text.toml:"] {
        assert!(errors.contains(file), "{errors}");
    }
}
