//! The command that writes a network for other programs.

use super::ExportOptions;
use super::said::Said;
use anyhow::{Context, Result, anyhow, bail};
use candle_core::DType;
use convcheck::file;
use convcheck::foreign::{self, Exported, Numbers};
use convcheck::graph::Graph;
use convcheck::net::checkpoint;
use convcheck::run::{self, WeightSource};
use convcheck::visible::line;
use convcheck::zoo::Registry;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What writes a network.
type Writer = fn(&Graph, &BTreeMap<String, Numbers>) -> Result<Exported, String>;

/// Writes the files, and says what is in them otherwise than in the network.
pub fn export(options: &ExportOptions, registry: &Registry) -> Result<Said> {
    let asked: [(&Option<PathBuf>, &str, Writer); 2] = [
        (&options.onnx, "ONNX", foreign::onnx),
        (&options.pt2, "a .pt2 file", foreign::pt2),
    ];
    let asked = asked.map(|(file, kind, writer)| Some((file.as_ref()?, kind, writer)));
    let asked: Vec<(&PathBuf, &str, Writer)> = asked.into_iter().flatten().collect();
    for (file, ..) in &asked {
        let folder = file.parent().unwrap_or(Path::new("."));
        // said before anything is read; a folder that is misspelt is not made
        if !folder.as_os_str().is_empty() && !folder.is_dir() {
            let (file, folder) = (file.display(), folder.display());
            bail!("{file}: cannot write it: there is no folder `{folder}`");
        }
    }
    let model = registry.find(&options.model)?;
    let graph = model.graph()?;
    let weights = WeightSource::or_own(options.weights.clone(), &model)
        .and_then(|weights| weights.under(options.key.clone()))
        .map_err(anyhow::Error::msg)?;
    let tensors = run::tensors(&graph, &weights, DType::F32, registry)?;
    let numbers = checkpoint::numbers(&tensors)?;
    drop(tensors);
    let mut said = String::new();
    for (file, kind, writer) in asked {
        let exported = writer(&graph, &numbers)
            .map_err(|what| anyhow!("{} cannot be written as {kind}: {what}", model.name))?;
        let shown = file.display();
        file::write(file, &exported.bytes).with_context(|| format!("{shown}: cannot write it"))?;
        let (shown, size) = (shown.to_string(), exported.bytes.len());
        said += &format!("{}: {} in {size} bytes\n", line(&shown), model.name);
        for remark in &exported.remarks {
            said += &format!("{}\n", line(remark));
        }
    }
    Ok(said.into())
}
