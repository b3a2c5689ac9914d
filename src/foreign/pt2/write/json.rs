//! The JSON of a program and the archive around it, as PyTorch's `torch/_export/serde/schema.py` has them.

use super::Kept;
use crate::foreign::pt2::schema::Argument;
use crate::graph::TensorKind;
use serde_json::{Map, Value, json};
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Single precision, by PyTorch's number.
const FLOAT: u8 = 7;
/// Strides say where a number stands, by PyTorch's number.
const STRIDED: u8 = 7;
/// How PyTorch calls the size of a batch.
const BATCH: &str = "s0";
/// A batch that stands for all others.
const EXAMPLE: u64 = 2;
/// Folder of the archive.
const ROOT: &str = "network";
/// Tensors begin at multiples of it, so that they can be used where they stand.
const ALIGNMENT: u16 = 64;

/// What a file says beside its tensors.
pub(super) struct Program {
    pub calls: Vec<Value>,
    pub metas: Map<String, Value>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// A name as Python has them.
pub(super) fn name_of(path: &str) -> String {
    let word = |c: char| match c.is_ascii_alphanumeric() {
        true => c,
        false => '_',
    };
    let name: String = path.chars().map(word).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

/// The modules within which a layer is called, from the network on.
pub(super) fn modules(path: &str) -> String {
    let mut stack = "L__self__,,convcheck.Network".to_string();
    let ends = path.match_indices('.').map(|(at, _)| at);
    for end in ends.chain([path.len()]) {
        // what parts the list stands in no name
        let path = path[..end].replace([',', ';'], "_");
        let name = name_of(&path);
        stack += &format!(";L__self___{name},{path},torch.nn.modules.module.Module");
    }
    stack
}

/// An argument as it is written.
pub(super) fn argument(argument: &Argument) -> Value {
    let number = |x: f64| match x {
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        x => json!(x),
    };
    match argument {
        Argument::Tensor(name) => json!({ "as_tensor": { "name": name } }),
        Argument::Tensors(names) => {
            let names: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
            json!({ "as_tensors": names })
        }
        Argument::Int(n) => json!({ "as_int": n }),
        Argument::Ints(all) => json!({ "as_ints": all }),
        Argument::Float(x) => json!({ "as_float": number(*x) }),
        Argument::Floats(all) => {
            let all: Vec<Value> = all.iter().map(|&x| number(x)).collect();
            json!({ "as_floats": all })
        }
        Argument::Bool(is) => json!({ "as_bool": is }),
        Argument::Text(text) => json!({ "as_string": text }),
        Argument::None | Argument::Symbol(_) | Argument::Symbols(_) | Argument::Other => {
            json!({ "as_none": true })
        }
    }
}

/// Type, sizes and strides of a value in single precision, with a batch in front or without.
pub(super) fn meta(dims: &[usize], batched: bool, learns: bool) -> Value {
    let int = |n: usize| json!({ "as_int": n });
    let batch = json!({ "as_expr": {
        "expr_str": format!("Symbol('{BATCH}', positive=True, integer=True)"),
        "hint": { "as_int": EXAMPLE },
    } });
    let behind = usize::from(!batched);
    let sizes: Vec<Value> = (batched.then_some(batch).into_iter())
        .chain(dims.iter().map(|&n| int(n)))
        .collect();
    // from one unit of an axis to the next lie all of the axes behind it
    let strides: Vec<Value> = (behind..=dims.len())
        .map(|axis| int(dims[axis..].iter().product()))
        .collect();
    json!({
        "dtype": FLOAT,
        "sizes": sizes,
        "requires_grad": learns,
        "device": { "type": "cpu", "index": null },
        "strides": strides,
        "storage_offset": { "as_int": 0 },
        "layout": STRIDED,
    })
}

fn named(name: &str) -> Value {
    json!({ "name": name })
}

fn tensor(name: &str) -> Value {
    json!({ "as_tensor": { "name": name } })
}

/// So many values in a tuple, or one by itself, as PyTorch's tree of values is written.
fn tree(count: usize, always: bool) -> String {
    const LEAF: &str = r#"{"type": null, "context": null, "children_spec": []}"#;
    match count == 1 && !always {
        true => LEAF.into(),
        false => format!(
            r#"{{"type": "builtins.tuple", "context": "null", "children_spec": [{}]}}"#,
            vec![LEAF; count].join(", ")
        ),
    }
}

fn program(program: &Program, kept: &[Kept]) -> Value {
    let stored = kept.iter().map(|kept| match kept.kind {
        TensorKind::Trainable | TensorKind::Frozen => json!({ "parameter": {
            "arg": named(&kept.name), "parameter_name": kept.key,
        } }),
        TensorKind::Buffer => json!({ "buffer": {
            "arg": named(&kept.name), "buffer_name": kept.key, "persistent": true,
        } }),
        TensorKind::Constant => json!({ "tensor_constant": {
            "arg": named(&kept.name), "tensor_constant_name": kept.key,
        } }),
    });
    let users = program.inputs.iter();
    let users = users.map(|name| json!({ "user_input": { "arg": tensor(name) } }));
    let input_specs: Vec<Value> = stored.chain(users).collect();
    let output_specs: Vec<Value> = (program.outputs.iter())
        .map(|name| json!({ "user_output": { "arg": tensor(name) } }))
        .collect();
    let inputs: Vec<Value> = (kept.iter().map(|kept| &kept.name))
        .chain(&program.inputs)
        .map(|name| tensor(name))
        .collect();
    let outputs: Vec<Value> = program.outputs.iter().map(|name| tensor(name)).collect();
    let in_spec = format!(
        r#"[1, {{"type": "builtins.tuple", "context": "null", "children_spec": [{}, {{"type": "builtins.dict", "context": "[]", "children_spec": []}}]}}]"#,
        tree(program.inputs.len(), true)
    );
    let out_spec = format!("[1, {}]", tree(program.outputs.len(), false));
    json!({
        "graph_module": {
            "graph": {
                "inputs": inputs,
                "outputs": outputs,
                "nodes": program.calls,
                "tensor_values": program.metas,
                "sym_int_values": {},
                "sym_bool_values": {},
                "sym_float_values": {},
                "is_single_tensor_return": false,
                "custom_obj_values": {},
            },
            "signature": { "input_specs": input_specs, "output_specs": output_specs },
            "module_call_graph": [{ "fqn": "", "signature": {
                "inputs": [],
                "outputs": [],
                "in_spec": in_spec,
                "out_spec": out_spec,
                "forward_arg_names": program.inputs,
            } }],
            "metadata": {},
            "treespec_namedtuple_fields": {},
        },
        "opset_version": { "aten": 10 },
        "range_constraints": { BATCH: { "min_val": 1, "max_val": null } },
        "schema_version": { "major": 8, "minor": 20 },
        "verifiers": ["TRAINING"],
        "torch_version": "2.15.0",
        "guards_code": [],
    })
}

/// The bytes of a file.
///
/// # Errors
/// What cannot be written into an archive: more than 4 GiB of a tensor.
pub(super) fn archive(of: &Program, kept: &[Kept]) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .with_alignment(ALIGNMENT);
    let mut file = |name: &str, bytes: &[u8]| -> Result<(), zip::result::ZipError> {
        archive.start_file(format!("{ROOT}/{name}"), stored)?;
        Ok(archive.write_all(bytes)?)
    };
    let (mut weights, mut constants) = (Map::new(), Map::new());
    for kept in kept {
        let is_param = kept.kind.is_parameter();
        let (entries, name, folder) = match kept.kind {
            TensorKind::Constant => (&mut constants, "tensor", "constants"),
            _ => (&mut weights, "weight", "weights"),
        };
        let name = format!("{name}_{}", entries.len());
        file(&format!("data/{folder}/{name}"), &kept.bytes)?;
        let learns = kept.kind == TensorKind::Trainable;
        entries.insert(
            kept.key.clone(),
            json!({
                "path_name": name,
                "is_param": is_param,
                "use_pickle": false,
                "tensor_meta": meta(&kept.dims, false, learns),
            }),
        );
    }
    for (folder, entries) in [("weights", weights), ("constants", constants)] {
        let config = json!({ "config": entries }).to_string();
        let name = format!("data/{folder}/model_{folder}_config.json");
        file(&name, config.as_bytes())?;
    }
    file(
        "models/model.json",
        program(of, kept).to_string().as_bytes(),
    )?;
    // no example of an input: PyTorch takes an empty file for none
    file("data/sample_inputs/model.pt", b"")?;
    file("archive_format", b"pt2")?;
    file("archive_version", b"0")?;
    file(".data/version", b"6\n")?;
    file("byteorder", b"little")?;
    Ok(archive.finish()?.into_inner())
}
