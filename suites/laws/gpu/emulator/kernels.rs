//! The kernels as functions: compiled by the C compiler, with a loop over all threads beside each.

use convcheck::gpu::{Element, KERNELS};
use libloading::Library;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// What a kernel's parameter may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Pointer,
    Int,
    Float,
}

/// An argument as the compiled code takes it.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Raw {
    pub pointer: *mut u8,
    pub int: i32,
    pub float: f32,
}

type Run = unsafe extern "C" fn(*const Raw, i32, i32);

/// The kernels for one type of unit.
pub struct Kernels {
    library: Library,
    pub parameters: BTreeMap<String, Vec<Kind>>,
}

impl Kernels {
    /// Runs all threads of a kernel, the last first if `reversed`. The values must be of the kinds of its
    /// parameters.
    pub fn run(&self, kernel: &str, values: &[Raw], threads: usize, reversed: bool) {
        let name = ["run_", kernel].concat();
        assert_eq!(values.len(), self.parameters[kernel].len());
        // SAFETY: the function was generated with this signature, and reads as many values as there are
        // parameters; where it writes beyond a tensor the laws find other numbers
        unsafe {
            let run = self.library.get::<Run>(name.as_bytes()).unwrap();
            run(values.as_ptr(), threads as i32, i32::from(reversed));
        }
    }
}

/// The kernels, compiled once.
pub fn kernels(element: Element) -> &'static Kernels {
    static KERNELS: [OnceLock<Kernels>; 2] = [OnceLock::new(), OnceLock::new()];
    KERNELS[element as usize].get_or_init(|| compile(element))
}

/// Every kernel by name.
pub fn names() -> Vec<&'static str> {
    signatures().map(|(name, _)| name).collect()
}

/// Names and parameter lists.
fn signatures() -> impl Iterator<Item = (&'static str, &'static str)> {
    KERNELS.split("\nKERNEL ").skip(1).map(|text| {
        let (name, rest) = text.split_once('(').unwrap();
        (name, rest.split_once(')').unwrap().0)
    })
}

/// A kernel becomes a function that is told which thread it is, with one beside it that runs all threads, and
/// three that have nothing to do.
fn compile(element: Element) -> Kernels {
    let mut source = String::from(
        "#include <math.h>\n\
         #define KERNEL static void\n\
         #define INLINE static inline\n\
         #define INDEX thread_\n",
    );
    if element == Element::Bf16 {
        source += "#define BF16\n";
    }
    let mut text = KERNELS.to_string();
    for name in names() {
        let (from, to) = (
            format!("KERNEL {name}("),
            format!("KERNEL {name}(int thread_, "),
        );
        text = text.replace(&from, &to);
    }
    source += &text;
    source += "\nunion value { char *pointer; int whole; float real; };\n";
    let mut parameters = BTreeMap::new();
    for (name, list) in signatures() {
        let (mut kinds, mut values) = (Vec::new(), String::new());
        for (i, parameter) in expand(list).split(',').enumerate() {
            let is = |kind: &str| parameter.trim().starts_with(kind);
            let (kind, member) = match parameter.contains('*') {
                true => (Kind::Pointer, "pointer"),
                false if is("int ") => (Kind::Int, "whole"),
                false if is("float ") => (Kind::Float, "real"),
                false => panic!("{name} has a parameter `{parameter}`"),
            };
            let cast = if kind == Kind::Pointer {
                "(void *)"
            } else {
                ""
            };
            write!(values, ", {cast}v[{i}].{member}").unwrap();
            kinds.push(kind);
        }
        writeln!(
            source,
            "void run_{name}(const union value *v, int threads, int reversed) {{\n\
             int all = threads + 3, i;\n\
             for (i = 0; i < all; i++) {name}(reversed ? all - 1 - i : i{values});\n}}"
        )
        .unwrap();
        parameters.insert(name.to_string(), kinds);
    }
    Kernels {
        library: library(&source),
        parameters,
    }
}

/// A parameter list in which names of lists stand for the lists.
fn expand(list: &str) -> String {
    let mut list = list.to_string();
    for definition in KERNELS
        .lines()
        .filter_map(|line| line.strip_prefix("#define "))
    {
        if let Some((name, parameters)) = definition.split_once(" int ") {
            list = list.replace(name, &["int ", parameters].concat());
        }
    }
    list
}

#[expect(
    clippy::disallowed_methods,
    reason = "which C compiler there is depends on the machine"
)]
fn library(source: &str) -> Library {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["kernels.c", "kernels.so"].map(|name| folder.path().join(name));
    std::fs::write(&from, source).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let done = std::process::Command::new(&compiler)
        .args(["-std=c11", "-O2", "-shared", "-fPIC", "-x", "c", "-o"])
        .args([&to, &from])
        .arg("-lm")
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{compiler}: {said}");
    // SAFETY: it has no initialisers
    unsafe { Library::new(&to).unwrap() }
}
