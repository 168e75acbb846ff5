//! Models as files: what is wrong with one is told in one sentence, and no file, however broken, is believed.

mod damage;
mod remade;
mod warm;

use reiver::pipeline::portable::{FORMAT, MAX_BAD_ROWS, Portable, PortableError};
use reiver::rng::Seed;
use remade::{Remade, learned, tiny};
use std::mem::discriminant;

fn refusal(file: &[u8], kind: &str) -> PortableError {
    match Portable::read(file, kind, &tiny(kind), Seed(1)) {
        Err(why) => why,
        Ok(_) => panic!("a {kind} was read"),
    }
}

#[test]
fn the_metadata_says_what_the_file_is() {
    let (file, ..) = learned("mf");
    let about = Remade::of(&file).about;
    assert_eq!((about["format"].as_u64(), about["kind"].as_str()), (Some(u64::from(FORMAT)), Some("mf")));
    assert_eq!(about["parameters"]["dimensions"].as_f64(), Some(4.0));
    assert_eq!(about["parameters"]["learning_rate"].as_f64(), Some(0.9));
    assert_eq!(about["params_hash"].as_str(), Some(format!("{:016x}", tiny("mf").params_hash("mf")).as_str()));
    assert_eq!(about["reiver"].as_str(), Some(env!("CARGO_PKG_VERSION")));
    let shapes: Vec<(String, Vec<usize>)> =
        Remade::of(&file).tensors.into_iter().map(|(name, tensor)| (name, tensor.shape)).collect();
    let shape = |name: &str| shapes.iter().find(|(it, _)| it == name).map(|(_, shape)| shape.clone());
    assert_eq!(shape("users.vectors"), Some(vec![6, 4]));
    assert_eq!((shape("items.vectors"), shape("items.bias")), (Some(vec![8, 4]), Some(vec![8])));
    assert_eq!(
        (shape("users.id"), shape("items.id"), shape("items.name.ends")),
        (Some(vec![6, 16]), Some(vec![8, 16]), Some(vec![8]))
    );
}

#[test]
fn another_model_and_other_dimensions_are_told_apart() {
    let (file, ..) = learned("mf");
    let why = refusal(&file, "bpr").to_string();
    assert!(why.contains("holds a model mf, not bpr") && why.contains("[[model]] mf"), "{why}");
    let wide = reiver::learn::ModelConfig { dimensions: Some(16), ..tiny("mf") };
    let Err(why) = Portable::read(&file, "mf", &wide, Seed(1)) else { panic!("16 are not 4") };
    let why = why.to_string();
    assert!(why.contains("mf has dimensions = 4, the settings have 16") && why.contains("under [[model]] mf"), "{why}");
    // A rate may be another one: the numbers still mean the same.
    let quick = reiver::learn::ModelConfig { learning_rate: Some(0.5), ..tiny("mf") };
    assert!(Portable::read(&file, "mf", &quick, Seed(1)).is_ok());
    let (counts, ..) = learned("popularity");
    let short = reiver::learn::ModelConfig { half_life: Some(reiver::event::Span::seconds(60)), ..tiny("popularity") };
    let Err(why) = Portable::read(&counts, "popularity", &short, Seed(1)) else { panic!("a minute is no month") };
    assert!(why.to_string().contains("half_life = 2592000000 ms"), "{why}");
}

#[test]
fn a_file_that_is_none_is_refused() {
    let (file, ..) = learned("mf");
    let damaged = discriminant(&PortableError::Damaged(String::new()));
    for length in [0, 3, 8, 100, file.len() / 2, file.len() - 1] {
        let why = refusal(&file[..length], "mf");
        assert_eq!(discriminant(&why), damaged, "{length} bytes: {why}");
        assert!(why.to_string().contains("copy or export it again"), "{why}");
    }
    let mut flipped = file.clone();
    let last = flipped.len() - 3;
    flipped[last] ^= 1;
    assert!(refusal(&flipped, "mf").to_string().contains("not those that were written"));
    let mut remade = Remade::of(&file);
    remade.about["format"] = 7.into();
    assert!(matches!(refusal(&remade.bytes(), "mf"), PortableError::Format(7)));
    remade.about["format"] = "new".into();
    assert!(matches!(refusal(&remade.bytes(), "mf"), PortableError::NotOurs(_)));
    let foreign = Remade { foreign: true, ..Remade::of(&file) };
    assert!(refusal(&foreign.bytes(), "mf").to_string().contains("not written by `reiver export`"));
}

#[test]
fn tensors_are_held_to_type_and_shape() {
    let (file, ..) = learned("mf");
    let told = |change: &dyn Fn(&mut Remade)| {
        let mut remade = Remade::of(&file);
        change(&mut remade);
        refusal(&remade.bytes(), "mf").to_string()
    };
    let why = told(&|it| drop(it.tensors.remove("items.bias")));
    assert!(why.contains("items.bias is missing"), "{why}");
    let why = told(&|it| it.tensor("items.bias").shape = vec![8, 1]);
    assert!(why.contains("items.bias has the shape [8, 1], expected [8]"), "{why}");
    let why = told(&|it| it.tensor("users.vectors").dtype = safetensors::Dtype::I32);
    assert!(why.contains("users.vectors is of type I32, expected F32"), "{why}");
    let why = told(&|it| it.tensor("users.id").shape = vec![12, 8]);
    assert!(why.contains("users.id has the shape [12, 8]"), "{why}");
    let why = told(&|it| it.tensor("items.name.ends").data[7] = 0x7f);
    assert!(why.contains("items.name.ends ends beyond the names in row 0"), "{why}");
    let why = told(&|it| it.tensor("blob").data[0] = b'x');
    assert!(why.contains("does not hold together"), "{why}");
    let (file, ..) = learned("ncf");
    let mut remade = Remade::of(&file);
    remade.set_float("dense.w2", 3, f32::NAN);
    let why = refusal(&remade.bytes(), "ncf").to_string();
    assert!(why.contains("dense.w2 holds, in row 0"), "a layer cannot do without a weight: {why}");
}

#[test]
fn rows_that_cannot_be_used_are_left_out_up_to_a_limit() {
    let (file, ..) = learned("mf");
    let mut remade = Remade::of(&file);
    remade.set_float("users.vectors", 4, f32::NAN);
    remade.set_float("users.bias", 1, f32::INFINITY);
    remade.set_float("items.vectors", 2 * 4, 1e9);
    let (id, twin) = (remade.tensor("items.id").data[..16].to_vec(), 16 * 5..16 * 6);
    remade.tensor("items.id").data[twin].copy_from_slice(&id);
    remade.tensor("items.name.bytes").data[0] = b'?';
    let (read, bad) = Portable::read(&remade.bytes(), "mf", &tiny("mf"), Seed(1)).expect("enough is left");
    let told: Vec<String> = bad.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().any(|row| row.starts_with("row 5 of items.id: this id stands in a row before")), "{told:?}");
    assert!(
        told.iter().any(|row| row.starts_with("row 1 of users.vectors: a number that is none")),
        "one row once: {told:?}"
    );
    assert_eq!((read.users.len(), read.items.len()), (5, 5));
    // What is left is whole: it can be written, and read again.
    let again = read.to_bytes().expect("written");
    let (same, none) = Portable::read(&again, "mf", &tiny("mf"), Seed(1)).expect("read");
    assert!(none.is_empty() && same.users == read.users && same.items == read.items);

    let (file, ..) = remade::learned_of("mf", MAX_BAD_ROWS as u32 + 5, 8);
    let mut remade = Remade::of(&file);
    (0..MAX_BAD_ROWS).for_each(|row| remade.set_float("users.bias", row, f32::NAN));
    assert!(
        Portable::read(&remade.bytes(), "mf", &tiny("mf"), Seed(1)).is_ok_and(|(_, bad)| bad.len() == MAX_BAD_ROWS)
    );
    remade.set_float("users.bias", MAX_BAD_ROWS, f32::NAN);
    let why = refusal(&remade.bytes(), "mf").to_string();
    assert!(why.contains("more than 20 rows cannot be used") && why.contains("row 0 of users.bias"), "{why}");
}

#[test]
fn vectors_as_csv() {
    let (file, names, _) = learned("mf");
    let (read, _) = Portable::read(&file, "mf", &tiny("mf"), Seed(1)).expect("ours");
    let mut text = Vec::new();
    read.write_csv(&mut text).expect("vectors");
    let text = String::from_utf8(text).expect("text");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("side,id,bias,v0,v1,v2,v3"), "the header is a promise");
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.iter().filter(|row| row[0] == "user").count(), 6);
    assert!(rows.iter().filter(|row| row[0] == "item").all(|row| names.contains(&row[1].to_owned())), "{text}");
    assert!(rows.iter().flat_map(|row| &row[2..]).all(|x| x.parse::<f32>().is_ok_and(f32::is_finite)));
    let Err(why) = Portable::read(&learned("popularity").0, "popularity", &tiny("popularity"), Seed(1))
        .expect("ours")
        .0
        .write_csv(Vec::new())
    else {
        panic!("counts are no vectors")
    };
    assert!(why.to_string().contains("popularity has no vectors"), "{why}");
}

#[test]
fn vectors_come_back_from_csv_and_from_elsewhere() {
    for kind in ["mf", "bpr", "two_tower"] {
        let (read, _) = Portable::read(&learned(kind).0, kind, &tiny(kind), Seed(1)).expect("ours");
        let mut text = Vec::new();
        read.write_csv(&mut text).expect("vectors");
        let (back, bad) = Portable::read(&text, kind, &tiny(kind), Seed(1)).expect("ours, too");
        assert!(bad.is_empty(), "{kind}: {bad:?}");
        let mut again = Vec::new();
        back.write_csv(&mut again).expect("vectors");
        assert_eq!(String::from_utf8(again), String::from_utf8(text), "{kind}");
        assert!(back.items.iter().all(|item| item.taught && item.available));
    }
    let items = "id,v0,v1,v2,v3\nb,0.1,0.2,0.3,0.4\n\"a, quoted\",1,2,3,4\n";
    let (read, bad) = Portable::read(items.as_bytes(), "mf", &tiny("mf"), Seed(1)).expect("items");
    assert!(bad.is_empty() && read.users.is_empty());
    assert_eq!(read.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["b", "a, quoted"]);
}

#[test]
fn bad_lines_are_told_with_their_numbers() {
    let text = "side,id,v0,v1,v2,v3\nitem,a,1,2,3,4\nitem,b,1,NaN,3,4\nitem,c,1,2\nitem,a,4,3,2,1\nshop,d,1,2,3,4\n\
                item,,1,2,3,4\nuser,xxh3:zz,1,2,3,4\nitem,e,1,2,300,4\nuser,u,1,2,3,4\n";
    let (read, bad) = Portable::read(text.as_bytes(), "bpr", &tiny("bpr"), Seed(1)).expect("enough is left");
    let told: Vec<String> = bad.iter().map(ToString::to_string).collect();
    let expected = [
        "line 3: \"NaN\" is no number within ±16",
        "line 4: 4 fields, expected 6",
        "line 5: \"a\" stands in a line before",
        "line 6: side is \"shop\", neither user nor item",
        "line 7: id is empty or longer than 4096 bytes",
        "line 8: \"xxh3:zz\" is no hash of an id",
        "line 9: \"300\" is no number within ±16",
    ];
    assert_eq!(told, expected);
    assert_eq!((read.users.len(), read.items.len()), (1, 1));
    let many: String = (0..=MAX_BAD_ROWS).map(|n| format!("i{n},x\n")).collect();
    let why = refusal(format!("id,v0,v1,v2,v3\n{many}").as_bytes(), "mf").to_string();
    assert!(why.contains("more than 20 rows cannot be used, the first of them line 2: 2 fields"), "{why}");
    let why = refusal(b"id,v0,v1\na,1,2\n", "mf").to_string();
    assert!(why.contains("mf has dimensions = 2, the settings have 4"), "{why}");
    for header in ["name,v0,v1,v2,v3\n", "id,v1,v2,v3,v4\n", "id,bias\n", "id,v0,v1,v2,v3,colour\n"] {
        assert!(refusal(header.as_bytes(), "mf").to_string().contains("the header must be id,v0,v1"), "{header}");
    }
    let why = refusal(b"id,v0,v1,v2,v3\na,1,2,3,4\n", "ncf").to_string();
    assert!(why.contains("ncf cannot begin from vectors alone; mf, bpr and two_tower can"), "{why}");
}
