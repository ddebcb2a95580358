//! Rust primitives behind one C table of functions (../rust.h), driven by the benches' own run queue.
//!
//! A task's waker is the address of the C task. A pending future lives in storage inside the C job, so nothing
//! is boxed that a Rust executor would not box. Each module below is one design behind the same few functions.

mod family;

use std::future::Future;
use std::os::raw::c_void;
use std::pin::Pin;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

extern "C" {
    fn peer_task_wake(task: *const c_void);
}

fn clone_waker(task: *const ()) -> RawWaker {
    RawWaker::new(task, &VTABLE)
}
fn wake(task: *const ()) {
    unsafe { peer_task_wake(task as *const c_void) }
}
fn drop_waker(_: *const ()) {}
static VTABLE: RawWakerVTable = RawWakerVTable::new(clone_waker, wake, wake, drop_waker);

fn waker_of(task: *const c_void) -> Waker {
    unsafe { Waker::from_raw(RawWaker::new(task as *const (), &VTABLE)) }
}

/// Polls the future in `storage` and drops it when it is ready.
unsafe fn poll_in_place<F: Future<Output = ()>>(storage: *mut c_void, task: *const c_void) -> bool {
    let future = storage as *mut F;
    let waker = waker_of(task);
    match Pin::new_unchecked(&mut *future).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(()) => {
            std::ptr::drop_in_place(future);
            true
        }
        Poll::Pending => false,
    }
}

unsafe fn start<F: Future<Output = ()>>(future: F, storage: *mut c_void, task: *const c_void) -> bool {
    (storage as *mut F).write(future);
    poll_in_place::<F>(storage, task)
}

// The futures' types have no names; a function that makes one stands for its type.
unsafe fn again<F: Future<Output = ()>, A, B>(_: fn(A, B) -> F, storage: *mut c_void, task: *const c_void) -> bool {
    poll_in_place::<F>(storage, task)
}
unsafe fn discard<F: Future<Output = ()>, A, B>(_: fn(A, B) -> F, storage: *mut c_void) {
    std::ptr::drop_in_place(storage as *mut F);
}
fn size_of_future<F: Future<Output = ()>, A, B>(_: fn(A, B) -> F) -> usize {
    std::mem::size_of::<F>()
}

fn now<F: Future>(future: F, context: &mut Context<'_>) -> F::Output {
    let mut future = future;
    match unsafe { Pin::new_unchecked(&mut future) }.poll(context) {
        Poll::Ready(output) => output,
        Poll::Pending => std::process::abort(),
    }
}

#[repr(C)]
pub struct Peer {
    sem_size: usize,
    note_size: usize,
    acquire_size: usize,
    notified_size: usize,
    sem_new: unsafe extern "C" fn(u32) -> *mut c_void,
    sem_free: unsafe extern "C" fn(*mut c_void),
    pairs: unsafe extern "C" fn(*mut c_void, i64),
    try_pairs: unsafe extern "C" fn(*mut c_void, i64),
    acquire: unsafe extern "C" fn(*mut c_void, u32, *mut c_void, *const c_void) -> bool,
    acquire_poll: unsafe extern "C" fn(*mut c_void, *const c_void) -> bool,
    acquire_drop: unsafe extern "C" fn(*mut c_void),
    try_acquire: unsafe extern "C" fn(*mut c_void) -> bool,
    release: unsafe extern "C" fn(*mut c_void, u32),
    note_new: unsafe extern "C" fn() -> *mut c_void,
    note_free: unsafe extern "C" fn(*mut c_void),
    notified: unsafe extern "C" fn(*mut c_void, *mut c_void, *const c_void) -> bool,
    notified_poll: unsafe extern "C" fn(*mut c_void, *const c_void) -> bool,
    notified_drop: unsafe extern "C" fn(*mut c_void),
    notify_one: unsafe extern "C" fn(*mut c_void),
    notify_all: unsafe extern "C" fn(*mut c_void),
}

macro_rules! export {
    ($table:ident, $design:ident) => {
        mod $table {
            use super::*;
            use $design as d;

            unsafe fn sem(s: *mut c_void) -> &'static d::Sem {
                &*(s as *const d::Sem)
            }
            unsafe fn note(n: *mut c_void) -> &'static d::Note {
                &*(n as *const d::Note)
            }
            unsafe extern "C" fn sem_new(permits: u32) -> *mut c_void {
                Box::into_raw(Box::new(d::sem_new(permits))) as *mut c_void
            }
            unsafe extern "C" fn sem_free(s: *mut c_void) {
                drop(Box::from_raw(s as *mut d::Sem));
            }
            unsafe extern "C" fn pairs(s: *mut c_void, n: i64) {
                let waker = waker_of(std::ptr::null());
                let mut context = Context::from_waker(&waker);
                for _ in 0..n {
                    d::pair(sem(s), &mut context);
                }
            }
            unsafe extern "C" fn try_pairs(s: *mut c_void, n: i64) {
                for _ in 0..n {
                    d::try_pair(sem(s));
                }
            }
            unsafe extern "C" fn acquire(s: *mut c_void, n: u32, storage: *mut c_void, task: *const c_void) -> bool {
                start(d::acquire(sem(s), n), storage, task)
            }
            unsafe extern "C" fn acquire_poll(storage: *mut c_void, task: *const c_void) -> bool {
                again(d::acquire, storage, task)
            }
            unsafe extern "C" fn acquire_drop(storage: *mut c_void) {
                discard(d::acquire, storage)
            }
            unsafe extern "C" fn try_acquire(s: *mut c_void) -> bool {
                d::try_acquire(sem(s))
            }
            unsafe extern "C" fn release(s: *mut c_void, n: u32) {
                d::release(sem(s), n)
            }
            unsafe extern "C" fn note_new() -> *mut c_void {
                Box::into_raw(Box::new(d::note_new())) as *mut c_void
            }
            unsafe extern "C" fn note_free(n: *mut c_void) {
                drop(Box::from_raw(n as *mut d::Note));
            }
            unsafe extern "C" fn notified(n: *mut c_void, storage: *mut c_void, task: *const c_void) -> bool {
                start(d::notified(note(n), ()), storage, task)
            }
            unsafe extern "C" fn notified_poll(storage: *mut c_void, task: *const c_void) -> bool {
                again(d::notified, storage, task)
            }
            unsafe extern "C" fn notified_drop(storage: *mut c_void) {
                discard(d::notified, storage)
            }
            unsafe extern "C" fn notify_one(n: *mut c_void) {
                d::notify_one(note(n))
            }
            unsafe extern "C" fn notify_all(n: *mut c_void) {
                d::notify_all(note(n))
            }

            #[no_mangle]
            pub extern "C" fn $table() -> Peer {
                Peer {
                    sem_size: std::mem::size_of::<d::Sem>(),
                    note_size: std::mem::size_of::<d::Note>(),
                    acquire_size: size_of_future(d::acquire),
                    notified_size: size_of_future(d::notified),
                    sem_new,
                    sem_free,
                    pairs,
                    try_pairs,
                    acquire,
                    acquire_poll,
                    acquire_drop,
                    try_acquire,
                    release,
                    note_new,
                    note_free,
                    notified,
                    notified_poll,
                    notified_drop,
                    notify_one,
                    notify_all,
                }
            }
        }
    };
}

mod with_tokio {
    use super::now;
    use std::future::Future;
    use std::task::Context;
    pub type Sem = tokio::sync::Semaphore;
    pub type Note = tokio::sync::Notify;

    pub fn sem_new(permits: u32) -> Sem {
        Sem::new(permits as usize)
    }
    pub fn acquire(s: &'static Sem, n: u32) -> impl Future<Output = ()> {
        async move { s.acquire_many(n).await.unwrap().forget() }
    }
    pub fn try_acquire(s: &'static Sem) -> bool {
        s.try_acquire().map(|permit| permit.forget()).is_ok()
    }
    pub fn release(s: &'static Sem, n: u32) {
        s.add_permits(n as usize)
    }
    pub fn pair(s: &'static Sem, context: &mut Context<'_>) {
        drop(now(s.acquire(), context).unwrap());
    }
    pub fn try_pair(s: &'static Sem) {
        drop(s.try_acquire().unwrap());
    }
    pub fn note_new() -> Note {
        Note::new()
    }
    pub fn notified(n: &'static Note, _: ()) -> impl Future<Output = ()> {
        n.notified()
    }
    pub fn notify_one(n: &'static Note) {
        n.notify_one()
    }
    pub fn notify_all(n: &'static Note) {
        n.notify_waiters()
    }
}

mod with_async_lock {
    use super::now;
    use event_listener::Event;
    use std::future::Future;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Context;
    pub type Sem = async_lock::Semaphore;

    /// An Event stores nothing; with a flag it keeps one notification, as its documentation shows.
    pub struct Note {
        flag: AtomicBool,
        event: Event,
    }

    pub fn sem_new(permits: u32) -> Sem {
        Sem::new(permits as usize)
    }
    pub fn acquire(s: &'static Sem, _: u32) -> impl Future<Output = ()> {
        async move { std::mem::forget(s.acquire().await) }
    }
    pub fn try_acquire(s: &'static Sem) -> bool {
        s.try_acquire().map(std::mem::forget).is_some()
    }
    /// A guard is a reference to its semaphore, and dropping it is the only release there is.
    pub fn release(s: &'static Sem, _: u32) {
        drop(unsafe { std::mem::transmute::<&'static Sem, async_lock::SemaphoreGuard<'static>>(s) })
    }
    pub fn pair(s: &'static Sem, context: &mut Context<'_>) {
        drop(now(s.acquire(), context));
    }
    pub fn try_pair(s: &'static Sem) {
        drop(s.try_acquire().unwrap());
    }
    pub fn note_new() -> Note {
        Note { flag: AtomicBool::new(false), event: Event::new() }
    }
    pub fn notified(n: &'static Note, _: ()) -> impl Future<Output = ()> {
        async move {
            if n.flag.swap(false, Ordering::AcqRel) {
                return;
            }
            let listener = n.event.listen();
            if n.flag.swap(false, Ordering::AcqRel) {
                return;
            }
            listener.await;
            n.flag.swap(false, Ordering::AcqRel);
        }
    }
    pub fn notify_one(n: &'static Note) {
        n.flag.store(true, Ordering::Release);
        n.event.notify(1);
    }
    pub fn notify_all(n: &'static Note) {
        n.event.notify(usize::MAX);
    }
}

/// A permit count and a VecDeque<Waker> under a mutex: what one writes first. A newcomer may overtake.
mod with_vecdeque {
    use super::now;
    use parking_lot::Mutex;
    use std::collections::VecDeque;
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    pub struct Sem {
        inner: Mutex<Inner>,
    }
    struct Inner {
        permits: u32,
        generation: u64,
        waiting: VecDeque<Waker>,
    }
    pub type Note = Sem;

    pub struct Acquire {
        s: &'static Sem,
        n: u32,
        queued: Option<Waker>,
        generation: u64,
    }
    impl Future for Acquire {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let mut inner = self.s.inner.lock();
            let told = self.queued.is_some() && self.generation != inner.generation;
            if !told && inner.permits < self.n {
                inner.waiting.push_back(context.waker().clone());
                let generation = inner.generation;
                drop(inner);
                self.generation = generation;
                self.queued = Some(context.waker().clone());
                return Poll::Pending;
            }
            if !told {
                inner.permits -= self.n;
            }
            drop(inner);
            self.queued = None;
            Poll::Ready(())
        }
    }
    impl Drop for Acquire {
        fn drop(&mut self) {
            if let Some(mine) = self.queued.take() {
                let mut inner = self.s.inner.lock();
                match inner.waiting.iter().position(|other| other.will_wake(&mine)) {
                    Some(at) => drop(inner.waiting.remove(at)),
                    None if inner.permits > 0 => {
                        if let Some(next) = inner.waiting.pop_front() {
                            drop(inner);
                            next.wake();
                        }
                    }
                    None => {}
                }
            }
        }
    }

    pub fn sem_new(permits: u32) -> Sem {
        Sem { inner: Mutex::new(Inner { permits, generation: 0, waiting: VecDeque::new() }) }
    }
    pub fn acquire(s: &'static Sem, n: u32) -> Acquire {
        Acquire { s, n, queued: None, generation: 0 }
    }
    pub fn try_acquire(s: &'static Sem) -> bool {
        let mut inner = s.inner.lock();
        let free = inner.permits > 0;
        inner.permits -= free as u32;
        free
    }
    pub fn release(s: &'static Sem, n: u32) {
        let mut inner = s.inner.lock();
        inner.permits += n;
        let next = inner.waiting.pop_front();
        drop(inner);
        if let Some(next) = next {
            next.wake();
        }
    }
    pub fn pair(s: &'static Sem, context: &mut Context<'_>) {
        now(acquire(s, 1), context);
        release(s, 1);
    }
    pub fn try_pair(s: &'static Sem) {
        if try_acquire(s) {
            release(s, 1);
        }
    }
    pub fn note_new() -> Note {
        sem_new(0)
    }
    pub fn notified(n: &'static Note, _: ()) -> Acquire {
        acquire(n, 1)
    }
    pub fn notify_one(n: &'static Note) {
        let mut inner = n.inner.lock();
        inner.permits = 1;
        let next = inner.waiting.pop_front();
        drop(inner);
        if let Some(next) = next {
            next.wake();
        }
    }
    pub fn notify_all(n: &'static Note) {
        let mut inner = n.inner.lock();
        inner.generation += 1;
        let waiting = std::mem::take(&mut inner.waiting);
        drop(inner);
        for waker in waiting {
            waker.wake();
        }
    }
}

/// An atomic permit count and a SegQueue<Waker>. A cancelled waiter's waker stays in the queue, and a wake that
/// is spent on it is lost. A newcomer may overtake.
mod with_segqueue {
    use super::now;
    use crossbeam_queue::SegQueue;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Poll, Waker};

    pub struct Sem {
        permits: AtomicU32,
        generation: AtomicU32,
        waiting: SegQueue<Waker>,
    }
    pub type Note = Sem;

    pub struct Acquire {
        s: &'static Sem,
        n: u32,
        queued_at: Option<u32>,
    }
    fn take(s: &Sem, n: u32) -> bool {
        let mut seen = s.permits.load(Ordering::Relaxed);
        while seen >= n {
            match s.permits.compare_exchange_weak(seen, seen - n, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }
    impl Future for Acquire {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let generation = self.s.generation.load(Ordering::SeqCst);
            if matches!(self.queued_at, Some(at) if at != generation) || take(self.s, self.n) {
                return Poll::Ready(());
            }
            self.queued_at = Some(generation);
            self.s.waiting.push(context.waker().clone());
            if take(self.s, self.n) {
                return Poll::Ready(());
            }
            Poll::Pending
        }
    }

    pub fn sem_new(permits: u32) -> Sem {
        Sem { permits: AtomicU32::new(permits), generation: AtomicU32::new(0), waiting: SegQueue::new() }
    }
    pub fn acquire(s: &'static Sem, n: u32) -> Acquire {
        Acquire { s, n, queued_at: None }
    }
    pub fn try_acquire(s: &'static Sem) -> bool {
        take(s, 1)
    }
    pub fn release(s: &'static Sem, n: u32) {
        s.permits.fetch_add(n, Ordering::SeqCst);
        if let Some(next) = s.waiting.pop() {
            next.wake();
        }
    }
    pub fn pair(s: &'static Sem, context: &mut Context<'_>) {
        now(acquire(s, 1), context);
        release(s, 1);
    }
    pub fn try_pair(s: &'static Sem) {
        if take(s, 1) {
            release(s, 1);
        }
    }
    pub fn note_new() -> Note {
        sem_new(0)
    }
    pub fn notified(n: &'static Note, _: ()) -> Acquire {
        acquire(n, 1)
    }
    pub fn notify_one(n: &'static Note) {
        n.permits.store(1, Ordering::SeqCst);
        if let Some(next) = n.waiting.pop() {
            next.wake();
        }
    }
    pub fn notify_all(n: &'static Note) {
        n.generation.fetch_add(1, Ordering::SeqCst);
        for _ in 0..n.waiting.len() {
            if let Some(next) = n.waiting.pop() {
                next.wake();
            }
        }
    }
}

export!(peer_tokio, with_tokio);
export!(peer_async_lock, with_async_lock);
export!(peer_vecdeque, with_vecdeque);
export!(peer_segqueue, with_segqueue);
