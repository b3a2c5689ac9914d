//! How is the recipe of an arm put together, and where stands what is wrong with it?

use crate::train::{Recipe, RecipeFault, image_shape};
use crate::zoo::{Model, Registry};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// What is wrong, and at which bytes of the file.
pub(super) type Fault = (Range<usize>, String);

/// The recipe of those tables, of which later ones replace keys of earlier ones, and the model that it names. `arm` is where
/// the arm stands.
///
/// # Errors
/// What is wrong, at its place.
pub(super) fn recipe(
    tables: [Option<&DeTable>; 4],
    arm: Range<usize>,
    registry: &Registry,
) -> Result<(Recipe, Model), Fault> {
    let mut merged = DeTable::new();
    for (key, value) in tables.into_iter().flatten().flatten() {
        // with the place of the key that counts
        merged.remove(key);
        merged.insert(key.clone(), value.clone());
    }
    let whole = Spanned::new(arm.clone(), DeValue::Table(merged.clone()));
    let read = Recipe::deserialize(ValueDeserializer::from(whole));
    let mut recipe = read.map_err(|error| {
        let what = error.message().replace('\n', "; ");
        (error.span().unwrap_or_else(|| arm.clone()), what)
    })?;
    let at = |key: &str| place(&merged, key).unwrap_or_else(|| arm.clone());
    let wrong = |RecipeFault { key, what }| (at(&key), what);
    recipe.check().map_err(wrong)?;
    let model = registry.find(&recipe.model);
    let model = model.map_err(|error| (at("model"), error.to_string()))?;
    fits(&recipe, &model).map_err(wrong)?;
    // one spelling for one network, however its arguments stand
    recipe.model.clone_from(&model.name);
    Ok((recipe, model))
}

/// Whether the model takes the images, as they are altered.
fn fits(recipe: &Recipe, model: &Model) -> Result<(), RecipeFault> {
    for (list, steps) in [
        ("augment", &recipe.augment),
        ("augment_evaluation", &recipe.augment_evaluation),
    ] {
        let mut shape = image_shape(recipe, model);
        for (i, step) in steps.iter().enumerate() {
            let altered = step.shape(shape);
            shape = altered.map_err(|what| RecipeFault::new(&format!("{list}.{i}"), what))?;
        }
        if shape != model.input {
            let key = if steps.is_empty() { "size" } else { list };
            let what = format!(
                "{} takes images of {}, not {shape}",
                model.name, model.input
            );
            return Err(RecipeFault::new(key, what));
        }
    }
    Ok(())
}

/// Where a key stands, as far as there is a place for it: `augment.0.rotate`.
fn place(table: &DeTable, key: &str) -> Option<Range<usize>> {
    let mut parts = key.split('.');
    let mut found = table.get(parts.next()?)?;
    for part in parts {
        let within = match found.get_ref() {
            DeValue::Table(table) => table.get(part),
            DeValue::Array(items) => part.parse().ok().and_then(|i: usize| items.get(i)),
            _ => None,
        };
        match within {
            Some(within) => found = within,
            None => break,
        }
    }
    Some(found.span())
}
