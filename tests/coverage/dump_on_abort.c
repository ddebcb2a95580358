/* tests/coverage/dump_on_abort.c: writes the counts of --coverage before abort(), which would lose them. Linked with
 * -Wl,--wrap=abort, which sends the program's calls of abort here. */
_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void);
void __gcov_dump(void);

_Noreturn void __wrap_abort(void) {
    __gcov_dump();
    __real_abort();
}
