// class: 8
// Only the insertion of a file counts, one folder up and no further: no trigger listens to folders.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod tree {
    use super::*;

    #[table(name = "folders")]
    struct Folder {
        #[key]
        path: String,
        owner: String,
        parent: Option<String>,
        #[check("files >= 0")]
        files: i64,
        touched_ms: i64,
    }

    #[table(name = "files")]
    struct File {
        #[key(auto)]
        id: i64,
        #[index]
        folder: String,
        name: String,
        owner: String,
    }

    #[init]
    fn init() {}

    fn own(ctx: &Context, path: &str) -> Result<Folder, Refusal> {
        match ctx.db.folders().get(path)? {
            Some(folder) if folder.owner == ctx.caller => Ok(folder),
            Some(_) => Err("this is somebody else's folder".into()),
            None => Err("there is no such folder".into()),
        }
    }

    #[call]
    fn make(ctx: &Context, path: String) -> Result<(), Refusal> {
        let (owner, touched_ms) = (ctx.caller.clone(), ctx.time_ms);
        ctx.db.folders().insert(&Folder { path, owner, parent: None, files: 0, touched_ms })
    }

    #[call]
    fn move_into(ctx: &Context, path: &str, parent: &str) -> Result<(), Refusal> {
        let mut folder = own(ctx, path)?;
        folder.parent = Some(own(ctx, parent)?.path);
        ctx.db.folders().update(&folder)?;
        Ok(())
    }

    #[call]
    fn add(ctx: &Context, path: &str, name: String) -> Result<i64, Refusal> {
        let Folder { path, owner, .. } = own(ctx, path)?;
        ctx.db.files().insert(&File { id: 0, folder: path, name, owner })
    }

    #[on_insert(files)]
    fn counted(ctx: &Context, files: &[File]) -> Result<(), Refusal> {
        for file in files {
            let mut folder = ctx.db.folders().get(&file.folder)?.ok_or("there is no such folder")?;
            folder.files += 1;
            folder.touched_ms = ctx.time_ms;
            ctx.db.folders().update(&folder)?;
        }
        Ok(())
    }

    #[view]
    fn files(ctx: &Context, path: &str) -> Result<Vec<File>, Refusal> {
        ctx.db.files().by_folder(path, 200)
    }
}
