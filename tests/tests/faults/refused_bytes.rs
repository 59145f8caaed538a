//! Bytes that were refused.

use crate::stage::Stage;

#[test]
fn bytes_that_were_refused_take_no_room_from_others() {
    let stage = Stage::new(|receiver, _| receiver.with_unverified_limit(1000));
    let request = stage.sign("a");
    let begin = || stage.gate.begin(&request, None);
    let mut refused = begin().expect("in order");
    assert!(refused.update(vec![0; 1001]).is_err());
    let mut other = begin().expect("there is room");
    assert!(other.update(request.body().clone()).is_ok());
    drop(refused);
}
