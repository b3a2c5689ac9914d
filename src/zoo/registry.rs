//! Which network has that name?

use super::expression::{self, Expression};
use super::model::Description;
use super::network::{Architecture, Line, Of};
use super::{FAMILIES, Model, ZooError};
use crate::foreign;
use crate::graph::Graph;
use crate::nearest::did_you_mean;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Everything that can be named in a claim, a recipe or a command.
#[derive(Clone)]
pub struct Registry {
    families: Vec<Family>,
    /// Where paths of files begin.
    folder: PathBuf,
    /// The networks of files that were read, by the path as it is written: a measure may ask many times.
    files: Arc<Mutex<BTreeMap<String, Model>>>,
}

/// Models that are described in one file, or that a user adds.
#[derive(Clone)]
pub struct Family {
    /// Name of the file, as in `list models`.
    pub name: &'static str,
    /// How people call it.
    pub title: &'static str,
    /// The year in which its paper first appeared, if it is from one.
    pub year: Option<u16>,
    /// What its models give arguments to.
    pub architectures: &'static [Architecture],
    /// Its registry lines.
    pub models: Vec<Model>,
}

/// The family of the models that a user adds.
const OWN: &str = "own";
/// So many may be in it.
const MOST_OWN: usize = 1_000;

impl Registry {
    /// The networks that the program describes.
    pub fn builtin() -> Registry {
        let families = FAMILIES.iter().map(|lines| Family {
            name: lines.name,
            title: lines.title,
            year: lines.year,
            architectures: lines.architectures,
            models: lines.models.iter().map(model).collect(),
        });
        Registry {
            families: families.collect(),
            folder: PathBuf::new(),
            files: Arc::default(),
        }
    }

    /// The same, with files of networks found from another folder than the one in which the program runs.
    #[must_use]
    pub fn within(self, folder: &Path) -> Registry {
        Registry {
            folder: folder.to_path_buf(),
            files: Arc::default(),
            ..self
        }
    }

    /// Every family, in the order in which the built-in article treats them; the user's own comes last.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Every model that has a name of its own, family by family.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.families.iter().flat_map(|family| &family.models)
    }

    /// The model of that name, or an architecture, with other arguments if there are some:
    /// `resnet18{classes=10}`, `wrn{depth=16, widen=8}`.
    ///
    /// # Errors
    /// [`ZooError::Unknown`] with the nearest names, [`ZooError::Expression`] or
    /// [`ZooError::Impossible`] with what the model takes.
    pub fn find(&self, text: &str) -> Result<Model, ZooError> {
        let expression = expression::parse(text)?;
        match expression.at {
            None => self.resolve(text, &expression),
            Some(input) => Err(ZooError::Impossible {
                expression: text.to_string(),
                what: format!(
                    "`@` is for measures, which run a network on another input than the one for which it is made; {{input={input}}} makes one for that input"
                ),
            }),
        }
    }

    /// The model that a measure names, on whichever input it runs it.
    ///
    /// # Errors
    /// As [`Registry::find`].
    pub fn named(&self, text: &str) -> Result<Model, ZooError> {
        self.resolve(text, &expression::parse(text)?)
    }

    /// The graph of such a model, or, with `@3x256x256` behind it, its graph on that input.
    ///
    /// # Errors
    /// As [`Registry::find`], and [`ZooError::Shape`] if its weights do not allow that input.
    pub fn graph(&self, text: &str) -> Result<Graph, ZooError> {
        let expression = expression::parse(text)?;
        let model = self.resolve(text, &expression)?;
        match expression.at {
            None => model.graph(),
            Some(input) => model.graph_at(input),
        }
    }

    /// Adds models of one's own: names for expressions, which may name each other in whichever order they
    /// stand.
    ///
    /// # Errors
    /// For each that cannot be had its name and why; nothing is added then.
    pub fn add(&mut self, models: &[(String, String)]) -> Result<(), Vec<(String, ZooError)>> {
        let mut grown = self.clone();
        grown.families.push(Family {
            name: OWN,
            title: "Models of your own",
            year: None,
            architectures: &[],
            models: Vec::new(),
        });
        if let Some((name, _)) = models.get(MOST_OWN) {
            let what = format!("there can be {MOST_OWN} models of one's own at most");
            let name = name.clone();
            return Err(vec![(name.clone(), ZooError::Name { name, what })]);
        }
        let mut faults: Vec<(String, ZooError)> = Vec::new();
        let mut waiting = BTreeMap::new();
        // where those that are settled come from: the source of the built-in one at the end of their chain
        let mut sources: BTreeMap<String, String> = BTreeMap::new();
        for (name, text) in models {
            let read = (self.is_free(name, &waiting)).and_then(|()| expression::parse(text));
            match read {
                Ok(read) => drop(waiting.insert(name.as_str(), (text.as_str(), read))),
                Err(error) => faults.push((name.clone(), error)),
            }
        }
        // each round settles those that build on nothing that waits
        while !waiting.is_empty() {
            let is_ready = |(_, read): &(&str, Expression)| !waiting.contains_key(&*read.name);
            let ready: Vec<&str> = (waiting.iter())
                .filter(|(_, added)| is_ready(added))
                .map(|(name, _)| *name)
                .collect();
            if ready.is_empty() {
                break;
            }
            for name in ready {
                let (text, read) = waiting.remove(name).expect("it is among those that wait");
                let base = read.name;
                let is_faulty = faults.iter().any(|(faulty, _)| *faulty == base);
                match grown.find(text) {
                    Ok(model) => {
                        let source = sources.get(&base).unwrap_or(&model.source).clone();
                        let own = grown.families.last_mut().expect("it was pushed");
                        own.models.push(Model {
                            name: name.to_string(),
                            source: format!("{}: {source}", model.name),
                            ..model
                        });
                        sources.insert(name.to_string(), source);
                    }
                    Err(ZooError::Unknown { .. }) if is_faulty => {
                        let what = format!("`{base}`, on which it builds, cannot be had");
                        let name = name.to_string();
                        faults.push((name.clone(), ZooError::Name { name, what }));
                    }
                    Err(error) => faults.push((name.to_string(), error)),
                }
            }
        }
        faults.extend(waiting.iter().map(|(name, (_, read))| {
            let what = format!(
                "`{}`, on which it builds, builds on itself in the end",
                read.name
            );
            let name = name.to_string();
            (name.clone(), ZooError::Name { name, what })
        }));
        if !faults.is_empty() {
            return Err(faults);
        }
        *self = grown;
        Ok(())
    }

    fn resolve(&self, text: &str, expression: &Expression) -> Result<Model, ZooError> {
        let Expression {
            name, arguments, ..
        } = expression;
        let named = match foreign::is_file(name) {
            true => Some(self.file(name)?),
            false => self.models().find(|model| model.name == *name).cloned(),
        };
        if named.is_none()
            && let Some(spelt) = self.spelt_otherwise(name)
        {
            let expression = Expression {
                name: spelt,
                at: expression.at,
                arguments: expression.arguments.clone(),
            };
            return self.resolve(text, &expression);
        }
        let base = named.or_else(|| {
            let mut all = self.architectures();
            all.find(|one| one.name == name).map(Architecture::model)
        });
        let base = base.ok_or_else(|| ZooError::Unknown {
            name: name.clone(),
            hint: did_you_mean(name, self.names(), "convcheck list models"),
        })?;
        if arguments.is_empty() {
            return Ok(base);
        }
        let model = base.with(text, arguments)?;
        // arguments that are right one by one may still leave a layer without a map
        match model.graph() {
            Ok(_) => Ok(model),
            Err(error) => Err(base.impossible(text, error)),
        }
    }

    /// The one model whose name is that but for capitals, `-`, `_` and blanks, where none is called so.
    fn spelt_otherwise(&self, name: &str) -> Option<String> {
        if self.names().any(|other| other == name) {
            return None;
        }
        let mut like = self.names().filter(|other| folded(other) == folded(name));
        match (like.next(), like.next()) {
            (Some(one), None) => Some(one.to_string()),
            _ => None,
        }
    }

    /// The network that a file states.
    fn file(&self, name: &str) -> Result<Model, ZooError> {
        let fault = |error: foreign::ForeignError| ZooError::File {
            what: error.to_string(),
        };
        let mut files = self
            .files
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(model) = files.get(name) {
            return Ok(model.clone());
        }
        // a measure's path begins at the project; one that is typed may begin where the program runs
        let path = [self.folder.join(name), PathBuf::from(name)].into_iter();
        let path = path
            .clone()
            .find(|path| path.exists())
            .unwrap_or_else(|| self.folder.join(name));
        let read = foreign::read(&path).map_err(fault)?;
        let model = Model {
            name: name.to_string(),
            source: format!("{name}: {}", read.source),
            input: read.graph.input(),
            network: Description::File(Arc::new(read.graph)),
            remarks: read.remarks,
            file: Some(path),
            count_refused: read.count_refused,
        };
        files.insert(name.to_string(), model.clone());
        Ok(model)
    }

    fn architectures(&self) -> impl Iterator<Item = &'static Architecture> {
        self.families.iter().flat_map(|family| family.architectures)
    }

    /// All that can stand before braces.
    fn names(&self) -> impl Iterator<Item = &str> {
        let models = self.models().map(|model| model.name.as_str());
        models.chain(self.architectures().map(|one| one.name))
    }

    fn is_free<T>(&self, name: &str, waiting: &BTreeMap<&str, T>) -> Result<(), ZooError> {
        let wrong = |what: &str| {
            Err(ZooError::Name {
                name: name.to_string(),
                what: what.to_string(),
            })
        };
        let belongs = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || !name.chars().all(belongs) {
            return wrong("a name is letters, digits, `_`, `-` and `.`");
        }
        match waiting.contains_key(name) || self.names().any(|other| other == name) {
            true => wrong("there is one of that name"),
            false => Ok(()),
        }
    }
}

/// A name without what people spell differently.
fn folded(name: &str) -> String {
    let said = name.chars().filter(|c| !"-_ ".contains(*c));
    said.map(|c| c.to_ascii_lowercase()).collect()
}

/// What a registry line says.
fn model(line: &Line) -> Model {
    let of = match &line.of {
        Of::Fixed(input, network) => Model {
            name: String::new(),
            source: String::new(),
            input: *input,
            network: Description::Network(Arc::new(*network)),
            remarks: Vec::new(),
            file: None,
            count_refused: None,
        },
        Of::Expression(text) => {
            let read = expression::parse(text).expect("a registry line is well-formed");
            let all = FAMILIES.iter().flat_map(|family| family.architectures);
            let of = all.clone().find(|one| one.name == read.name);
            let of = of.expect("a registry line names an architecture").model();
            (of.with(text, &read.arguments)).expect("a registry line is a network")
        }
    };
    Model {
        name: line.name.to_string(),
        source: line.source.to_string(),
        ..of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_people_spell_it() {
        let registry = Registry::builtin();
        for spelt in ["VGG16", "vgg-16", "VGG 16", "vgg_16", "Vgg16"] {
            assert_eq!(registry.find(spelt).unwrap().name, "vgg16", "{spelt}");
        }
        let model = registry.find("ResNet-18{classes=10}").unwrap();
        assert_eq!(model.name, "resnet18{classes=10}");
        for none in ["vgg 61", "V-GGG", "- -"] {
            assert!(registry.find(none).is_err(), "{none}");
        }
    }
}
