use convcheck::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args[1].as_str() {
        "check" => {
            let s = match claim::load(std::path::Path::new(&args[2])) {
                Ok(s) => s,
                Err(e) => {
                    println!("{e}");
                    std::process::exit(2)
                }
            };
            let c = check::check(check::select(&s, args.get(3).map(|x| x.as_str())), |_| true);
            for r in &c.records {
                println!(
                    "{:12} {} found={} stated={} {}",
                    r.verdict.name(),
                    r.id,
                    r.found.as_ref().map_or("-".into(), |v| v.to_string()),
                    r.stated.as_ref().map_or("-".into(), |v| v.to_string()),
                    r.difference()
                        .map_or(String::new(), |d| format!("  !! {d}"))
                );
            }
            for e in &c.errors {
                println!("ERROR {e}");
            }
            for k in claim::Kind::ALL {
                println!(
                    "{} {}",
                    k.name(),
                    c.records.iter().filter(|r| r.verdict == k).count()
                );
            }
        }
        "eval" => {
            for a in &args[2..] {
                match evidence::Evaluator::new().evaluate(a) {
                    Ok((v, s)) => println!("{} => {v}   {s:?}", a),
                    Err(e) => println!("{a} => ERROR {e}"),
                }
            }
        }
        "functions" => {
            for f in evidence::FUNCTIONS {
                println!("{:45} {}", f.signature, f.returns)
            }
        }
        "models" => {
            for m in zoo::models() {
                println!("{:36} {} {}", m.name, m.input, m.source)
            }
        }
        "show" => {
            for n in zoo::find(&args[2]).unwrap().graph().unwrap().nodes() {
                println!("{:50} {:18} {}", n.path, n.op.name(), n.shape)
            }
        }
        _ => {}
    }
}
