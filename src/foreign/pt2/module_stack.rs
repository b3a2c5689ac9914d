//! From which module does a call come, and which line of the user's program made it?

use super::schema::Node;

/// The innermost module of a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Module {
    /// Its name below the network, dots between; the network itself has none.
    pub path: String,
    /// `@1` behind the name of one that is called a second time, and so on; else nothing.
    pub call: String,
    /// Its class.
    pub class: String,
}

/// The innermost module of a call, as the file has it.
pub fn innermost(node: &Node) -> Module {
    let Some(stack) = node.metadata.get("nn_module_stack") else {
        return Module::default();
    };
    let last = stack.rsplit(';').next().unwrap_or_default();
    let mut parts = last.splitn(3, ',');
    let mut part = || parts.next().unwrap_or_default();
    let (key, path, class) = (part(), part(), part());
    let call = match key.rsplit_once('@') {
        Some((_, number)) if number.parse::<u32>().is_ok() => format!("@{number}"),
        _ => String::new(),
    };
    Module {
        path: path.into(),
        call,
        class: class.into(),
    }
}

/// The last line of the user's program that led to a call: `model.py:112`.
pub fn line(node: &Node) -> Option<String> {
    let trace = node.metadata.get("stack_trace")?;
    let classes = node
        .metadata
        .get("nn_module_stack")
        .map_or("", String::as_str);
    // where traces have no folders, files of PyTorch are known by the modules that they define
    let of_torch = |file: &str| {
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let module = name.trim_end_matches(".py");
        file.contains("/torch/")
            || file.contains("\\torch\\")
            || ["container.py", "conv.py", "normalization.py"].contains(&name)
            || classes.contains(&format!("torch.nn.modules.{module}."))
    };
    let frames = trace.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("File \"")?;
        let (file, rest) = rest.split_once("\", line ")?;
        let number = rest.split([',', ' ']).next()?;
        number.parse::<u32>().ok()?;
        Some((file, number))
    });
    let own = frames.rev().find(|(file, _)| !of_torch(file))?;
    let name = own.0.rsplit(['/', '\\']).next().unwrap_or(own.0);
    Some(format!("{name}:{}", own.1))
}
