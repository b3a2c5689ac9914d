//! The command that writes a network for other programs.

use super::ExportOptions;
use super::said::Said;
use anyhow::{Context, Result, bail};
use candle_core::DType;
use convcheck::file;
use convcheck::foreign::{self, Number, Numbers};
use convcheck::run::{self, WeightSource};
use convcheck::visible::line;
use convcheck::zoo::Registry;
use std::collections::BTreeMap;
use std::path::Path;

/// Writes the file, and says what is in it otherwise than in the network.
pub fn export(options: &ExportOptions, registry: &Registry) -> Result<Said> {
    let shown = options.onnx.display();
    let folder = options.onnx.parent().unwrap_or(Path::new("."));
    // said before anything is read; a folder that is misspelt is not made
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        bail!(
            "{shown}: cannot write it: there is no folder `{}`",
            folder.display()
        );
    }
    let model = registry.find(&options.model)?;
    let graph = model.graph()?;
    let weights = WeightSource::or_own(options.weights.clone(), &model)
        .and_then(|weights| weights.under(options.key.clone()))
        .map_err(anyhow::Error::msg)?;
    let mut numbers = BTreeMap::new();
    for (key, tensor) in run::tensors(&graph, &weights, DType::F32, registry)? {
        let dims = tensor.dims().to_vec();
        let flat = tensor.flatten_all()?.to_vec1::<f32>()?;
        let bytes = flat.into_iter().flat_map(f32::to_le_bytes).collect();
        let number = Number::F32;
        numbers.insert(
            key,
            Numbers {
                number,
                dims,
                bytes,
            },
        );
    }
    let exported = foreign::onnx(&graph, &numbers)
        .map_err(|what| anyhow::anyhow!("{} cannot be written as ONNX: {what}", model.name))?;
    file::write(&options.onnx, &exported.bytes)
        .with_context(|| format!("{shown}: cannot write it"))?;
    let remarks = exported
        .remarks
        .iter()
        .map(|remark| format!("{}\n", line(remark)));
    let remarks: String = remarks.collect();
    let size = exported.bytes.len();
    Ok(format!(
        "{}: {} in {size} bytes\n{remarks}",
        line(&shown.to_string()),
        model.name
    )
    .into())
}
