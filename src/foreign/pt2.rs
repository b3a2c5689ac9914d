//! Files of `torch.export.save`, of PyTorch 2.9 and later: a zip archive with a graph in JSON beside the weights.

mod aten;
mod call;
mod module_stack;
mod program;
mod schema;
pub(super) mod weights;
mod write;

pub(super) use write::written;

use super::Foreign;
use crate::visible::line;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zip::ZipArchive;

/// The major version of the JSON that is read.
const MAJOR: i64 = 8;
/// How many times as long as the archive its JSON may be, where somebody has packed it anew.
const UNPACKED: u64 = 32;

/// The archive, its files under one folder.
pub(super) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    /// With a slash behind it.
    root: String,
    /// Bytes of the whole.
    length: u64,
}

/// Reads a network's structure.
///
/// # Errors
/// What is wrong, in a line.
pub(super) fn read(path: &Path) -> Result<Foreign, String> {
    let mut archive = Archive::open(path)?;
    let model = archive.root.clone() + "models/model.json";
    let text = archive.text(&model)?;
    let version: schema::Versioned = json(&model, &text)?;
    let schema::Version { major, minor } = version.schema_version;
    if major != MAJOR {
        return Err(format!(
            "is written in version {major}.{minor} of PyTorch's schema; version {MAJOR} is read, that of PyTorch 2.9 and later"
        ));
    }
    let program: schema::Program = json(&model, &text)?;
    drop(text);
    program::foreign(program, &archive.kept()?)
}

/// Whether a file is an archive with a graph.
pub(super) fn recognises(path: &Path) -> bool {
    Archive::open(path).is_ok()
}

impl Archive {
    fn open(path: &Path) -> Result<Archive, String> {
        let file = File::open(path).map_err(|error| format!("cannot read it: {error}"))?;
        let meta = file
            .metadata()
            .map_err(|error| format!("cannot read it: {error}"))?;
        if !meta.is_file() {
            return Err("is no file".into());
        }
        let mut file = BufReader::new(file);
        let mut start = Vec::new();
        let begun = Read::by_ref(&mut file).take(4).read_to_end(&mut start);
        begun.map_err(|error| format!("cannot read it: {error}"))?;
        if !start.starts_with(b"PK") {
            return Err("is no zip archive, as `torch.export.save` writes".into());
        }
        let length = meta.len();
        let zip = ZipArchive::new(file).map_err(|_| {
            format!("is cut at byte {length}: the list of its files, which ends a zip archive, is not there or damaged")
        })?;
        let names: Vec<String> = (zip.file_names().filter_map(|name| name.ok()))
            .map(|name| name.to_string())
            .collect();
        let has = |end: &str| {
            names
                .iter()
                .any(|name| name == end || name.ends_with(&format!("/{end}")))
        };
        let models: Vec<&String> = names
            .iter()
            .filter(|name| name.ends_with("models/model.json"))
            .collect();
        let root = match models[..] {
            [model] => model.trim_end_matches("models/model.json").to_string(),
            [] if has("serialized_exported_program.json") => {
                return Err("was exported by PyTorch 2.7 or earlier, which keeps weights as pickles: export it again with 2.9 or later".into());
            }
            [] if has("data.pkl") => {
                return Err("is a checkpoint of `torch.save` or a program of TorchScript, not a network of `torch.export.save`".into());
            }
            _ => {
                let found: Vec<String> = names
                    .iter()
                    .filter(|name| name.ends_with(".json"))
                    .map(|name| line(name).into_owned())
                    .collect();
                return Err(format!(
                    "has {} graphs `models/model.json`, a network of `torch.export.save` one (its JSON: {})",
                    models.len(),
                    crate::few::few(&found, 3)
                ));
            }
        };
        Ok(Archive { zip, root, length })
    }

    /// One of its files, whole.
    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let wrong = |what: String| format!("its file `{}` {what}", line(name));
        let file = self
            .zip
            .by_name(name)
            .map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let (size, most) = (file.size(), self.length.saturating_mul(UNPACKED));
        if size > most {
            return Err(wrong(format!(
                "has {size} bytes once it is unpacked, in an archive of {}",
                self.length
            )));
        }
        let mut bytes = Vec::new();
        let read = file.take(most).read_to_end(&mut bytes);
        read.map_err(|error| wrong(format!("is cut or damaged: {error}")))?;
        Ok(bytes)
    }

    fn text(&mut self, name: &str) -> Result<String, String> {
        String::from_utf8(self.bytes(name)?)
            .map_err(|_| format!("its file `{}` is no text", line(name)))
    }

    /// What is kept beside the graph: weights, then constants.
    fn kept(&mut self) -> Result<Vec<weights::Config>, String> {
        if let Ok(order) = self.text(&(self.root.clone() + "byteorder"))
            && order.trim() != "little"
        {
            return Err(format!(
                "has weights of byte order `{}`; `little` is read",
                line(order.trim())
            ));
        }
        ["weights/model_weights_config.json", "constants/model_constants_config.json"]
            .into_iter()
            .map(|name| {
                let name = format!("{}data/{name}", self.root);
                if self.zip.index_for_name(&name).is_none() {
                    return match name.contains("weights") && self.has_pickles() {
                        true => Err("was exported by PyTorch 2.8, which keeps weights as a pickle: export it again with 2.9 or later".into()),
                        false => Ok(weights::Config::default()),
                    };
                }
                let text = self.text(&name)?;
                json(&name, &text)
            })
            .collect()
    }

    fn has_pickles(&self) -> bool {
        let name = format!("{}data/weights/model.pt", self.root);
        self.zip.index_for_name(&name).is_some()
    }
}

/// What a text of JSON says.
fn json<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("its file `{}`: {}", line(name), line(&error.to_string())))
}
