fn main() {
    let c = convcheck::reference::compare(std::path::Path::new("../shared/reference")).unwrap();
    for m in &c {
        println!("{} {:?} {}", m.model, m.missing, m.disagreements.len());
        for d in m.disagreements.iter().take(6) {
            println!("    {d}");
        }
    }
    println!("{}", c.len());
}
