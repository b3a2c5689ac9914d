//! How does a measure come to be counted? Its syntax tree is rewritten, so that each node shows its value to [`METER`] on the
//! way to whatever asks for it, before it is copied or joined with another.

use super::budget;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, operators};
use cel::common::value::CowVal;
use cel::{ExecutionError, FunctionContext};

/// The function that counts, and hands on what it is given; a name that no measure can write.
pub(super) const METER: &str = "~";

/// What [`METER`] does.
pub(super) fn meter<'a, 'v>(
    call: &mut FunctionContext<'a, 'v>,
) -> Result<CowVal<'a, 'v>, ExecutionError> {
    let value = (call.args.pop()).ok_or(ExecutionError::MissingArgumentOrTarget)?;
    budget::value(value.as_ref()).map_err(|what| call.error(what))?;
    Ok(value)
}

/// Rewrites an expression, but for what CEL knows by its form: names with points, and the steps of macros.
pub(super) fn metered(node: &mut IdedExpr) {
    match &mut node.expr {
        // constant, however often it is asked for
        Expr::Literal(_) | Expr::Unspecified => return,
        Expr::Ident(name) if is_of_a_macro(name) => return,
        Expr::Ident(_) => {}
        Expr::Call(call) => {
            // what is asked for one of its parts, or for how many it has, is neither read nor copied
            let looks = [
                "size",
                operators::INDEX,
                operators::OPT_INDEX,
                operators::OPT_SELECT,
            ];
            let looks = looks.contains(&&*call.func_name);
            if let Some(target) = &mut call.target
                && !names_a_function(target, &call.func_name)
            {
                operand(target, looks);
            }
            for (i, argument) in call.args.iter_mut().enumerate() {
                operand(argument, looks && i == 0);
            }
        }
        Expr::Select(select) => operand(&mut select.operand, true),
        Expr::List(list) => list.elements.iter_mut().for_each(metered),
        Expr::Map(map) => map.entries.iter_mut().for_each(entry),
        Expr::Struct(fields) => fields.entries.iter_mut().for_each(entry),
        Expr::Comprehension(over) => {
            metered(&mut over.iter_range);
            metered(&mut over.accu_init);
            step(&mut over.loop_cond);
            step(&mut over.loop_step);
            metered(&mut over.result);
        }
    }
    let whole = std::mem::take(node);
    *node = IdedExpr {
        id: whole.id,
        expr: Expr::Call(CallExpr {
            func_name: METER.into(),
            target: None,
            args: vec![whole],
        }),
    };
}

/// What an operator takes. A name whose value it only `looks` into stays a name.
fn operand(node: &mut IdedExpr, looks: bool) {
    if !(looks && is_name(node)) {
        metered(node);
    }
}

/// The step of a macro, whose form decides how it is carried out: what is written in it is counted, and what the macro adds is
/// not, as it takes one step for each element of a range that has been counted.
fn step(node: &mut IdedExpr) {
    let is_result =
        |node: &IdedExpr| matches!(&node.expr, Expr::Ident(name) if is_of_a_macro(name));
    match &mut node.expr {
        Expr::Call(call) if call.target.is_none() && call.args.iter().any(is_result) => {
            let appends = call.func_name == operators::ADD;
            for argument in &mut call.args {
                match &mut argument.expr {
                    Expr::List(list) if appends => list.elements.iter_mut().for_each(metered),
                    _ => step(argument),
                }
            }
        }
        Expr::Call(call) if call.func_name == operators::NOT_STRICTLY_FALSE => {
            call.args.iter_mut().for_each(step);
        }
        _ => metered(node),
    }
}

fn entry(entry: &mut IdedEntryExpr) {
    match &mut entry.expr {
        EntryExpr::StructField(field) => metered(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            metered(&mut entry.key);
            metered(&mut entry.value);
        }
    }
}

/// Whether a macro has made this name up: what it has found so far.
fn is_of_a_macro(name: &str) -> bool {
    name == "@result"
}

/// Whether it is a name, or names with points.
fn is_name(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => !select.test && is_name(&select.operand),
        _ => false,
    }
}

/// Whether a call on a target is one of CEL's functions whose names have a point.
fn names_a_function(target: &IdedExpr, function: &str) -> bool {
    matches!(&target.expr, Expr::Ident(name) if name == "optional")
        && ["none", "of", "ofNonZeroValue"].contains(&function)
}
