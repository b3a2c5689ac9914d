//! Outputs held against other people's: the logits that PyTorch computes under weights which depend
//! on names alone. Needs the reference data in `../shared`.

use crate::laws::shared::needs;
use candle_core::{DType, Tensor};
use convcheck::cpu::Predictor;
use convcheck::graph::Node;
use convcheck::net::{Fill, Mode, Net};
use convcheck::zoo::Registry;
use libtest_mimic::{Completion, Trial};
use serde::Deserialize;
use std::path::Path;

/// Relative distances over all logits that must not be exceeded, and the type of number.
const LIMITS: [(DType, f64); 2] = [(DType::F64, 1e-9), (DType::F32, 2e-5)];

#[derive(Deserialize)]
struct Reference {
    model: String,
    logits_float64_sample0: Vec<f64>,
    children_float64: Vec<Child>,
}

/// A module of the reference and the norm of its output for the first sample.
#[derive(Deserialize)]
struct Child {
    name: String,
    l2_sample0: f64,
}

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for model in Registry::builtin().models() {
        for (suffix, fill) in [("", Fill::Default), ("__gain1", Fill::Gain1)] {
            // SE nets are chaotic or ill-conditioned under the default fill, some others under gain1
            let is_gated = ["legacy_se", "se"]
                .iter()
                .any(|start| model.name.starts_with(start));
            if is_gated != (fill == Fill::Gain1) {
                continue;
            }
            let file = format!("reference/logits/{}{suffix}.json", model.name);
            if crate::repository("../shared/reference").exists()
                && !crate::repository("../shared").join(&file).exists()
            {
                continue;
            }
            trials.push(needs(
                format!("logits::{}", model.name),
                file,
                move |file| logits(&file, fill),
            ));
        }
    }
    trials
}

fn logits(file: &Path, fill: Fill) -> Result<Completion, String> {
    let text = std::fs::read_to_string(file).map_err(|e| e.to_string())?;
    let reference: Reference = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let graph = Registry::builtin()
        .find(&reference.model)
        .and_then(|model| model.graph())
        .map_err(|e| e.to_string())?;
    for (dtype, limit) in LIMITS {
        let x = Fill::input(&graph, 1, dtype).unwrap();
        let net = Net::new(graph.clone(), fill.weights(&graph, dtype).unwrap(), dtype).unwrap();
        let mut norms = Vec::new();
        let pass = net.forward_with(&x, Mode::Eval, |node, value| norms.push(norm(node, value)));
        let pass = pass.map_err(|e| e.to_string())?;
        let mut found = vec![("layer by layer", pass.output().clone())];
        if dtype == DType::F32 {
            for (how, mut predictor) in [
                ("as a program", Predictor::new(&net)),
                ("as a program, direct", Predictor::direct(&net)),
            ] {
                let scores = predictor.predict(&x).map_err(|e| e.to_string())?;
                found.push((how, scores));
            }
        }
        for (how, scores) in found {
            let distance = relative(&numbers(&scores), &reference.logits_float64_sample0);
            if distance.is_nan() || distance > limit {
                return Err(format!(
                    "{dtype:?}, {how}: relative distance {distance:e}, limit {limit:e}; {}",
                    parts(&reference, &norms)
                ));
            }
        }
    }
    Ok(Completion::Completed)
}

fn numbers(value: &Tensor) -> Vec<f64> {
    value
        .flatten_all()
        .unwrap()
        .to_dtype(DType::F64)
        .unwrap()
        .to_vec1()
        .unwrap()
}

fn norm(node: &Node, value: &Tensor) -> (String, f64) {
    (
        node.path.clone(),
        numbers(value).iter().map(|x| x * x).sum::<f64>().sqrt(),
    )
}

fn relative(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let norm = |x: f64| x * x;
    let apart: f64 = found.iter().zip(expected).map(|(a, b)| norm(a - b)).sum();
    (apart / expected.iter().map(|&x| norm(x)).sum::<f64>()).sqrt()
}

/// Where the difference starts: the first child whose last layer's norm is another.
fn parts(reference: &Reference, norms: &[(String, f64)]) -> String {
    for child in &reference.children_float64 {
        let scope = format!("{}.", child.name);
        let inside = |path: &str| path == child.name || path.starts_with(&scope);
        let last = norms.iter().rfind(|(path, _)| inside(path));
        let differs = |norm: f64| (norm / child.l2_sample0 - 1.0).abs() > 1e-4;
        if let Some((path, norm)) = last.filter(|(_, norm)| differs(*norm)) {
            return format!(
                "first at `{}`: norm {norm} at {path}, there {}",
                child.name, child.l2_sample0
            );
        }
    }
    "the children's norms agree".into()
}
