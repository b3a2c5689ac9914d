//! What is `a / b` in a measure? Exact, or an error: CEL alone drops the remainder of whole numbers in silence.

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr, operators};
use cel::{ExecutionError, Value};

/// The function that divides; a name that no measure can write.
pub(super) const DIVIDE: &str = "/";

/// Turns every division in an expression into a call of [`DIVIDE`], which is to be [`divide`].
pub(super) fn make_exact(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Call(call) => {
            if call.func_name == operators::DIVIDE {
                call.func_name = DIVIDE.into();
            }
            if let Some(target) = &mut call.target {
                make_exact(target);
            }
            call.args.iter_mut().for_each(make_exact);
        }
        Expr::Comprehension(over) => {
            make_exact(&mut over.iter_range);
            make_exact(&mut over.accu_init);
            make_exact(&mut over.loop_cond);
            make_exact(&mut over.loop_step);
            make_exact(&mut over.result);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(make_exact),
        Expr::Map(map) => map.entries.iter_mut().for_each(entry),
        Expr::Struct(fields) => fields.entries.iter_mut().for_each(entry),
        Expr::Select(select) => make_exact(&mut select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn entry(entry: &mut IdedEntryExpr) {
    match &mut entry.expr {
        EntryExpr::StructField(field) => make_exact(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            make_exact(&mut entry.key);
            make_exact(&mut entry.value);
        }
    }
}

/// `a / b`, of two whole numbers or of two fractions.
///
/// # Errors
/// CEL's own, and one with the right form in it where a remainder would be lost or the two are mixed.
pub(super) fn divide(a: Value, b: Value) -> Result<Value, ExecutionError> {
    let fault = |what: String| Err(ExecutionError::function_error(DIVIDE, what));
    match (&a, &b) {
        (&Value::Int(n), &Value::Int(by)) if n.checked_rem(by).is_some_and(|rest| rest != 0) => {
            fault(format!(
                "{n} / {by} is no whole number: write ratio({n}, {by}) for the fraction, quotient({n}, {by}) to drop the remainder"
            ))
        }
        (&Value::UInt(n), &Value::UInt(by)) if n.checked_rem(by).is_some_and(|rest| rest != 0) => {
            fault(format!(
                "{n}u / {by}u is no whole number: write ratio({n}, {by}) for the fraction, quotient({n}, {by}) to drop the remainder"
            ))
        }
        (Value::Int(n), Value::Float(by)) => fault(format!(
            "{n} / {by:?} divides a whole number by a fraction: write ratio({n}, {by:?})"
        )),
        (Value::Float(x), Value::Int(by)) => fault(format!(
            "{x:?} / {by} divides a fraction by a whole number: write {x:?} / {by}.0, or ratio({x:?}, {by})"
        )),
        _ => a / b,
    }
}
