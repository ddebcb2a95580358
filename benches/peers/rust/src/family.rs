//! Read-write locks, channels and the like behind C tables (../family_rust.h).

use super::{again, discard, now, size_of_future, start, waker_of};
use futures_lite::future::or;
use std::cell::UnsafeCell;
use std::future::Future;
use std::os::raw::c_void;
use std::task::Context;

/// A call that may wait: it begins, is polled when its task has been woken, and may be dropped.
#[repr(C)]
pub struct Verb {
    size: usize,
    begin: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void, *const c_void) -> bool,
    poll: unsafe extern "C" fn(*mut c_void, *const c_void) -> bool,
    discard: unsafe extern "C" fn(*mut c_void),
}

macro_rules! verb {
    ($object:ty, $make:path) => {{
        unsafe extern "C" fn begin(o: *mut c_void, argument: *mut c_void, s: *mut c_void, t: *const c_void) -> bool {
            start($make(&*(o as *const $object), Argument(argument)), s, t)
        }
        unsafe extern "C" fn poll(s: *mut c_void, t: *const c_void) -> bool {
            again($make, s, t)
        }
        unsafe extern "C" fn drop_it(s: *mut c_void) {
            discard($make, s)
        }
        Verb { size: size_of_future($make), begin, poll, discard: drop_it }
    }};
}

#[derive(Clone, Copy)]
pub struct Argument(*mut c_void);

unsafe fn boxed<T>(value: T) -> *mut c_void {
    Box::into_raw(Box::new(value)) as *mut c_void
}

fn with_context(f: impl FnOnce(&mut Context<'_>)) {
    let waker = waker_of(std::ptr::null());
    f(&mut Context::from_waker(&waker))
}

#[repr(C)]
pub struct Channel {
    new: unsafe extern "C" fn(u32) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    pairs: unsafe extern "C" fn(*mut c_void, i64),
    send: Verb,    // the argument is the element
    receive: Verb, // the argument is where it goes
    oneshot_place: unsafe extern "C" fn() -> *mut c_void,
    oneshot_make: unsafe extern "C" fn(*mut c_void),
    oneshot_wait: Verb, // the argument is where the value goes
    oneshot_send: unsafe extern "C" fn(*mut c_void, u64),
}

/// Where the two ends of what is made for one value lie until they are used.
pub struct Place<S, R>(UnsafeCell<(Option<S>, Option<R>)>);

impl<S, R> Place<S, R> {
    unsafe fn put(&self, (sender, receiver): (S, R)) {
        *self.0.get() = (Some(sender), Some(receiver));
    }
    unsafe fn sender(&self) -> S {
        (*self.0.get()).0.take().unwrap()
    }
    unsafe fn receiver(&self) -> R {
        (*self.0.get()).1.take().unwrap()
    }
}

macro_rules! export_channel {
    ($table:ident, $design:ident) => {
        #[no_mangle]
        pub extern "C" fn $table() -> Channel {
            use $design as d;
            unsafe extern "C" fn new(capacity: u32) -> *mut c_void {
                boxed(d::new(capacity as usize))
            }
            unsafe extern "C" fn free(o: *mut c_void) {
                drop(Box::from_raw(o as *mut d::Ends));
            }
            unsafe extern "C" fn pairs(o: *mut c_void, n: i64) {
                let ends = &*(o as *const d::Ends);
                for i in 0..n {
                    d::pair(ends, i as u64);
                }
            }
            unsafe extern "C" fn oneshot_place() -> *mut c_void {
                boxed(Place::<d::One, d::Other>(UnsafeCell::new((None, None))))
            }
            unsafe extern "C" fn oneshot_make(place: *mut c_void) {
                (*(place as *const Place<d::One, d::Other>)).put(d::oneshot())
            }
            unsafe extern "C" fn oneshot_send(place: *mut c_void, value: u64) {
                d::send_one((*(place as *const Place<d::One, d::Other>)).sender(), value)
            }
            fn wait(place: &'static Place<d::One, d::Other>, to: Argument) -> impl Future<Output = ()> {
                let receiver = unsafe { place.receiver() };
                async move {
                    let value = d::receive_one(receiver).await;
                    unsafe { *(to.0 as *mut u64) = value }
                }
            }
            Channel {
                new,
                free,
                pairs,
                send: verb!(d::Ends, d::send),
                receive: verb!(d::Ends, d::receive),
                oneshot_place,
                oneshot_make,
                oneshot_wait: verb!(Place<d::One, d::Other>, wait),
                oneshot_send,
            }
        }
    };
}

mod tokio_mpsc {
    use super::*;
    use tokio::sync::{mpsc, oneshot};

    pub struct Ends(mpsc::Sender<u64>, UnsafeCell<mpsc::Receiver<u64>>);

    pub fn new(capacity: usize) -> Ends {
        let (sender, receiver) = mpsc::channel(capacity);
        Ends(sender, UnsafeCell::new(receiver))
    }
    pub fn pair(ends: &Ends, element: u64) {
        ends.0.try_send(element).unwrap();
        assert!(unsafe { &mut *ends.1.get() }.try_recv().unwrap() == element);
    }
    pub fn send(ends: &'static Ends, element: Argument) -> impl Future<Output = ()> {
        async move { ends.0.send(element.0 as u64).await.unwrap() }
    }
    pub fn receive(ends: &'static Ends, to: Argument) -> impl Future<Output = ()> {
        async move {
            let element = unsafe { &mut *ends.1.get() }.recv().await.unwrap();
            unsafe { *(to.0 as *mut u64) = element }
        }
    }

    pub type One = oneshot::Sender<u64>;
    pub type Other = oneshot::Receiver<u64>;
    pub fn oneshot() -> (One, Other) {
        oneshot::channel()
    }
    pub fn send_one(sender: One, value: u64) {
        sender.send(value).unwrap()
    }
    pub async fn receive_one(receiver: Other) -> u64 {
        receiver.await.unwrap()
    }
}

mod with_async_channel {
    use super::*;
    use async_channel::{Receiver, Sender};

    pub struct Ends(Sender<u64>, Receiver<u64>);

    pub fn new(capacity: usize) -> Ends {
        let (sender, receiver) = async_channel::bounded(capacity);
        Ends(sender, receiver)
    }
    pub fn pair(ends: &Ends, element: u64) {
        ends.0.try_send(element).unwrap();
        assert!(ends.1.try_recv().unwrap() == element);
    }
    pub fn send(ends: &'static Ends, element: Argument) -> impl Future<Output = ()> {
        async move { ends.0.send(element.0 as u64).await.unwrap() }
    }
    pub fn receive(ends: &'static Ends, to: Argument) -> impl Future<Output = ()> {
        async move {
            let element = ends.1.recv().await.unwrap();
            unsafe { *(to.0 as *mut u64) = element }
        }
    }

    pub type One = Sender<u64>;
    pub type Other = Receiver<u64>;
    /// It has no oneshot: a channel of one place.
    pub fn oneshot() -> (One, Other) {
        async_channel::bounded(1)
    }
    pub fn send_one(sender: One, value: u64) {
        sender.try_send(value).unwrap()
    }
    pub async fn receive_one(receiver: Other) -> u64 {
        receiver.recv().await.unwrap()
    }
}

#[repr(C)]
pub struct Family {
    rwlock_new: unsafe extern "C" fn() -> *mut c_void,
    read_pairs: unsafe extern "C" fn(*mut c_void, i64),
    write_pairs: unsafe extern "C" fn(*mut c_void, i64),
    once_new: unsafe extern "C" fn() -> *mut c_void,
    once_looks: unsafe extern "C" fn(*mut c_void, i64),
    barrier_new: unsafe extern "C" fn(u32) -> *mut c_void,
    arrive: Verb,
    condvar_new: unsafe extern "C" fn() -> *mut c_void,
    condvar_wait: Verb,
    condvar_signal: unsafe extern "C" fn(*mut c_void),
    sems_new: unsafe extern "C" fn() -> *mut c_void,
    wait_first: Verb,
    wait_either: Verb,
    release_second: unsafe extern "C" fn(*mut c_void),
    release_first: unsafe extern "C" fn(*mut c_void),
}

macro_rules! export_family {
    ($table:ident, $design:ident) => {
        #[no_mangle]
        pub extern "C" fn $table() -> Family {
            use $design as d;
            unsafe extern "C" fn rwlock_new() -> *mut c_void {
                boxed(d::RwLock::new(0u64))
            }
            unsafe extern "C" fn read_pairs(o: *mut c_void, n: i64) {
                let lock = &*(o as *const d::RwLock<u64>);
                with_context(|context| (0..n).for_each(|_| drop(now(lock.read(), context))));
            }
            unsafe extern "C" fn write_pairs(o: *mut c_void, n: i64) {
                let lock = &*(o as *const d::RwLock<u64>);
                with_context(|context| (0..n).for_each(|_| drop(now(lock.write(), context))));
            }
            unsafe extern "C" fn once_new() -> *mut c_void {
                boxed(d::once_done())
            }
            unsafe extern "C" fn once_looks(o: *mut c_void, n: i64) {
                let once = &*(o as *const d::OnceCell<u64>);
                with_context(|context| (0..n).for_each(|_| assert!(*now(once.get_or_init(|| async { 2 }), context) == 1)));
            }
            unsafe extern "C" fn barrier_new(parties: u32) -> *mut c_void {
                boxed(d::Barrier::new(parties as usize))
            }
            fn arrive(barrier: &'static d::Barrier, _: Argument) -> impl Future<Output = ()> {
                async move { drop(barrier.wait().await) }
            }
            unsafe extern "C" fn condvar_new() -> *mut c_void {
                boxed(d::Condvar::default())
            }
            unsafe extern "C" fn condvar_signal(o: *mut c_void) {
                let c = &*(o as *const d::Condvar);
                with_context(|context| {
                    let guard = now(c.mutex.lock(), context);
                    d::signal(c);
                    drop(guard);
                });
            }
            unsafe extern "C" fn sems_new() -> *mut c_void {
                boxed([d::Semaphore::new(0), d::Semaphore::new(0)])
            }
            fn wait_first(sems: &'static [d::Semaphore; 2], _: Argument) -> impl Future<Output = ()> {
                d::acquire(&sems[0])
            }
            fn wait_either(sems: &'static [d::Semaphore; 2], _: Argument) -> impl Future<Output = ()> {
                or(d::acquire(&sems[0]), d::acquire(&sems[1]))
            }
            unsafe extern "C" fn release_first(o: *mut c_void) {
                d::release(&(*(o as *const [d::Semaphore; 2]))[0])
            }
            unsafe extern "C" fn release_second(o: *mut c_void) {
                d::release(&(*(o as *const [d::Semaphore; 2]))[1])
            }
            Family {
                rwlock_new,
                read_pairs,
                write_pairs,
                once_new,
                once_looks,
                barrier_new,
                arrive: verb!(d::Barrier, arrive),
                condvar_new,
                condvar_wait: verb!(d::Condvar, d::wait),
                condvar_signal,
                sems_new,
                wait_first: verb!([d::Semaphore; 2], wait_first),
                wait_either: verb!([d::Semaphore; 2], wait_either),
                release_second,
                release_first,
            }
        }
    };
}

/// tokio has no condition variable: what one builds from its Mutex and Notify.
mod tokio_family {
    use super::*;
    pub use tokio::sync::{Barrier, OnceCell, RwLock, Semaphore};

    #[derive(Default)]
    pub struct Condvar {
        pub mutex: tokio::sync::Mutex<()>,
        changed: tokio::sync::Notify,
    }
    pub fn once_done() -> OnceCell<u64> {
        OnceCell::new_with(Some(1))
    }
    pub fn wait(c: &'static Condvar, _: Argument) -> impl Future<Output = ()> {
        async move {
            let guard = c.mutex.lock().await;
            let told = c.changed.notified();
            drop(guard);
            told.await;
            drop(c.mutex.lock().await);
        }
    }
    pub fn signal(c: &Condvar) {
        c.changed.notify_one()
    }
    pub fn acquire(s: &'static Semaphore) -> impl Future<Output = ()> {
        async move { s.acquire().await.unwrap().forget() }
    }
    pub fn release(s: &Semaphore) {
        s.add_permits(1)
    }
}

/// async-lock has none either: its Mutex and event-listener's Event.
mod async_lock_family {
    use super::*;
    pub use async_lock::{Barrier, OnceCell, RwLock, Semaphore};

    #[derive(Default)]
    pub struct Condvar {
        pub mutex: async_lock::Mutex<()>,
        changed: event_listener::Event,
    }
    pub fn once_done() -> OnceCell<u64> {
        OnceCell::from(1)
    }
    pub fn wait(c: &'static Condvar, _: Argument) -> impl Future<Output = ()> {
        async move {
            let guard = c.mutex.lock().await;
            let told = c.changed.listen();
            drop(guard);
            told.await;
            drop(c.mutex.lock().await);
        }
    }
    pub fn signal(c: &Condvar) {
        c.changed.notify(1);
    }
    pub fn acquire(s: &'static Semaphore) -> impl Future<Output = ()> {
        async move { std::mem::forget(s.acquire().await) }
    }
    pub fn release(s: &Semaphore) {
        // As in lib.rs: to drop a guard is the only release there is.
        drop(unsafe { std::mem::transmute::<&Semaphore, async_lock::SemaphoreGuard<'_>>(s) })
    }
}

export_channel!(peer_tokio_channel, tokio_mpsc);
export_channel!(peer_async_channel, with_async_channel);
export_family!(peer_tokio_family, tokio_family);
export_family!(peer_async_lock_family, async_lock_family);
