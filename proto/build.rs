//! Compiles the `.proto` files with a pure Rust compiler: no `protoc` is needed.
use std::path::PathBuf;
use std::{env, fs, io};

fn proto_files(dir: &str, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            proto_files(&path.to_string_lossy(), found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files = Vec::new();
    for dir in ["cosmos", "dadbs", "tendermint"] {
        println!("cargo::rerun-if-changed={dir}");
        proto_files(dir, &mut files)?;
    }
    files.sort();
    let descriptors = protox::compile(&files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    let services = env::var_os("CARGO_FEATURE_SERVICES").is_some();
    let mut config = prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .build_server(services)
        .build_client(services)
        .include_file("mod.rs")
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}
