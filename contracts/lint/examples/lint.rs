//! `cargo run -p dadbs-lint --example lint -- PATH...`: the findings of crates or files.

fn main() {
    for path in std::env::args().skip(1) {
        match dadbs_lint::lint(path.as_ref()) {
            Ok(found) => found.iter().for_each(|finding| println!("{finding}")),
            Err(error) => eprintln!("{error}"),
        }
    }
}
