use super::verb::Verb;
use super::{parse, schema, written};
use crate::graph::{Graph, Op, Shape};

fn fault(text: &str) -> String {
    parse(text)
        .map(|read| format!("{:?}", read.graph))
        .unwrap_err()
}

/// A network with that layer.
fn of(layer: &str) -> String {
    format!("input = \"4x8x8\"\n[[layer]]\n{layer}\n")
}

#[test]
fn every_kind_that_runs_has_a_name() {
    for name in Op::NAMES {
        let cannot = ["input", "parameter", "opaque", "layer_scale"].contains(&name);
        assert_eq!(!Verb::NAMES.contains(&name), cannot, "{name}");
    }
}

#[test]
fn outputs_inputs_shared_weights_and_registered_modules_stay() {
    let size = Shape::map(4, 8, 8);
    let graph = Graph::build_of(&[("image", size), ("other", size)], |values| {
        let x = values[0].registers(&["late", "empty.scope"]);
        let x = x.scope("block", |x| x.bn("bn").relu());
        let x = x.again("block", |x| x.bn("bn").relu());
        x.flatten().linear("aux", 3).output("aux");
        (x * values[1])
            .layer_scale("late")
            .flatten()
            .linear("fc", 2)
            .registers(&["behind"])
    });
    let graph = graph.unwrap();
    let text = written(&graph, "").unwrap();
    assert!(parse(&text).unwrap().graph == graph, "{text}");
}

#[test]
fn what_is_left_out_is_as_in_pytorch() {
    let read = parse(&of(
        "conv = { out = 2, kernel = 3 }\n[[layer]]\nbatch_norm = {}",
    ))
    .unwrap();
    let own = Graph::build(Shape::map(4, 8, 8), |x| {
        x.conv("conv", crate::graph::conv(2, 3)).bn("batch_norm")
    });
    assert!(read.graph == own.unwrap());
}

#[test]
fn faults_say_where_and_what_would_be_right() {
    for (text, said) in [
        (of("relo = {}"), "line 3, column 1: there is no kind of layer, and no key of one, `relo`; did you mean relu"),
        (of("nam = \"a\"\nrelu = {}"), "line 3, column 1"),
        (of("relu = {}\ntanh = {}"), "a layer has one kind"),
        (of("conv = { out = 2, kernal = 3 }"), "line 3, column 19: unknown field `kernal`"),
        (of("conv = { out = 2, kernel = -3 }"), "must be a number that is not negative"),
        (of("conv = { out = -2, kernel = 3 }"), "line 3"),
        (of("conv = { out = 2, kernel = 9 }"), "line 2, column 1: layer `conv`: a window 9 high"),
        (of("conv = { out = 2, kernel = 3, groups = 0 }"), "groups must divide"),
        (of("conv = { out = 99999999999999999999, kernel = 3 }"), "line 3"),
        (of("name = \"a\"\nof = \"a\"\nrelu = {}"), "line 4, column 6: `a` does not stand before"),
        (of("name = \"a\"\nof = \"b\"\nrelu = {}\n[[layer]]\nname = \"b\"\nrelu = {}"), "does not stand before"),
        (of("of = \"inpt\"\nrelu = {}"), "did you mean input?"),
        (of("name = \"a\"\nrelu = {}\n[[layer]]\nname = \"a\"\nrelu = {}"), "line 6, column 8: there are two layers `a`"),
        (of("name = \"a..b\"\nrelu = {}"), "is no path"),
        (of("add = {}"), "joins layers"),
        (of("of = [\"input\", \"input\"]\nrelu = {}"), "reads one layer"),
        (of("of = []\nrelu = {}"), "reads one layer"),
        (of("of = \"input\"\ngate = {}"), "reads two layers"),
        (of("dropout = { p = 2 }"), "from 0 to 1"),
        (of("batch_norm = { eps = nan }"), "finite"),
        (of("name = \"a\""), "a layer has a kind"),
        (of("weights_of = \"input\"\nconv = { out = 2, kernel = 3 }"), "do not fit"),
        (of("relu = {}\n[[output]]\nof = \"rel\""), "did you mean relu"),
        (of("relu = {}\n[[output]]\nof = \"relu\"\nauxiliary = true"), "the first is not auxiliary"),
        (of("permute = { axes = [0, 1, 2, 3, 4, 5, 6, 7, 8] }"), "at most 8"),
        ("input = \"4x0x8\"\n[[layer]]\nrelu = {}".into(), "line 1, column 9: `4x0x8` is not a size"),
        ("input = 3\n[[layer]]\nrelu = {}".into(), "must be a size"),
        ("input = \"3x4x4\"".into(), "a network has layers"),
        ("layers = 3".into(), "line 1, column 1: unknown field"),
        ("input = [{ name = \"a\", size = \"4\" }, { name = \"a\", size = \"4\" }]\n[[layer]]\nrelu = {}".into(), "two layers `a`"),
        (String::new(), "missing field `input`"),
    ] {
        let is = fault(&text);
        assert!(is.contains(said), "{text}: {is}");
    }
}

/// Whatever sizes stand there, it is an error or a network that is counted or cannot be.
#[test]
fn sizes_beyond_the_integers_are_no_panic() {
    let large = i64::MAX;
    for layer in [
        format!("conv = {{ out = {large}, kernel = 3 }}"),
        format!("conv = {{ out = 4, kernel = {large}, pad = {large}, dilation = {large} }}"),
        "conv = { out = 4, kernel = 4611686018427387904, pad = 4611686018427387904 }".to_string(),
        format!(
            "conv = {{ out = 4, kernel = 3, stride = {large}, pad = [[{large}, 1], [1, {large}]] }}"
        ),
        format!("conv_transpose = {{ out = 4, kernel = {large}, stride = {large} }}"),
        "conv_transpose = { out = 4, kernel = 3, stride = 2305843009213693952 }".to_string(),
        format!("max_pool = {{ kernel = {large}, pad = {large}, ceil = true }}"),
        format!("subsample = {{ kernel = {large}, pad = {large} }}"),
        format!("adaptive_avg_pool = {{ output = {large} }}"),
        format!("pad_shortcut = {{ channels = {large}, stride = {large} }}"),
        format!("resize = {{ output = {large}, by = \"nearest\" }}"),
        format!("pad = {{ before = [1, {large}, {large}], after = [{large}, {large}, 1] }}"),
        format!("reshape = {{ to = [{large}, {large}, 0] }}"),
        format!("slice_of = {{ axis = {large}, from = 0, to = {large} }}"),
        format!("pixel_shuffle = {{ factor = {large} }}"),
        format!("linear_last = {{ out = {large} }}"),
        format!("layer_norm = {{ axes = {large} }}"),
        format!("own = {{ by = \"add\", dims = [{large}, {large}], view = [1, 1, 1] }}"),
        format!("conv = {{ out = 1, kernel = 3, table = [[{large}]] }}"),
    ] {
        for more in [
            "",
            "\n[[layer]]\nflatten = {}",
            "\n[[layer]]\nconv = { out = 4, kernel = 3, pad = 1 }",
        ] {
            if let Ok(read) = parse(&of(&(layer.clone() + more))) {
                drop(read.graph.digest());
            }
        }
    }
}

#[test]
fn many_layers_are_read() {
    let text = "input = \"4\"\n".to_string() + &"[[layer]]\nrelu = {}\n".repeat(100_000);
    let read = parse(&text).unwrap();
    assert_eq!(read.graph.nodes().len(), 100_001);
    assert_eq!(read.graph.prediction().path, "relu_100000");
}

#[test]
fn the_schema_has_every_kind() {
    let schema = schema().to_string();
    for name in Verb::NAMES {
        assert!(schema.contains(&format!("\"{name}\"")), "{name}");
    }
}
