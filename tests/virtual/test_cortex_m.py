"""Runs small programs, built as firmware is, on the virtual Cortex-M and checks their effects."""

from __future__ import annotations

import struct
import subprocess
import sys

import pytest

from otolith.errors import UserError
from otolith.virtual.cortex import CortexM, Image, Peripheral
from otolith.virtual.cortex.core import LockUpError

CORES = {
    "cortex-m4": ["-mfpu=fpv4-sp-d16"],
    "cortex-m33": ["-mfpu=fpv5-sp-d16"],
}
HZ = 1_000_000  # one instruction per microsecond
IRQS = 8
SCRIPT = """
SECTIONS {
    .text 0 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) }
    .data 0x20000000 : { *(.data*) *(.bss*) }
}
"""
# The few registers that the programs use. out(x) reports a value to the test.
BEFORE = """
typedef volatile unsigned reg;
#define R(address) (*(reg *)(address))
#define ICSR R(0xe000ed04)
#define AIRCR R(0xe000ed0c)
#define SHCSR R(0xe000ed24)
#define ENABLE(n) R(0xe000e100) = 1u << (n)
#define PRIORITY(n, p) ((volatile unsigned char *)0xe000e400)[n] = (p)
#define out(x) R(0x40000000) = (unsigned)(x)
#define PEND(n) R(0x40000004) = (n)
#define DROP(n) R(0x40000008) = (n)
static inline void wfi(void) { __asm volatile("wfi" ::: "memory"); }
"""
VECTORS = """
static void other(void) { *(volatile unsigned *)0x40000000 = 0xdead; for (;;) { } }
void start(void);
#define WEAK(name) void name(void) __attribute__((weak, alias("other")))
WEAK(nmi); WEAK(hard); WEAK(bus); WEAK(usage); WEAK(svc); WEAK(pendsv); WEAK(tick);
WEAK(irq0); WEAK(irq1); WEAK(irq2);
__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    (void *)0x20008000, start, nmi, hard, other, bus, usage, 0, 0, 0, 0, svc, 0, 0, pendsv, tick,
    irq0, irq1, irq2,
};
"""


class Outside(Peripheral):
    """Receives the program's output, and raises interrupt lines on its request."""

    def __init__(self):
        self.heard = []
        self.levels = {}
        self.resets = []

    def reset(self, cause):
        self.resets.append(cause)

    def read32(self, offset):
        return int(self.core.cycles) if offset == 0x10 else 0x44332211

    def write32(self, offset, value):
        if offset == 0:
            self.heard.append(value)
        elif offset == 4:
            self.core.set_irq(value, True)
        elif offset == 8:
            self.core.set_irq(value, False)
        elif offset == 12:
            self.core.after_ns(value * 1000, lambda: self.core.raise_irq(0))


@pytest.fixture(params=CORES)
def cpu(request):
    return request.param


@pytest.fixture
def run(tmp_path, cpu):
    """run(C text, ms) returns the values passed to out(). Then run.core and run.outside are set."""

    def build_and_run(text, ms=20.0, **options):
        (tmp_path / "program.c").write_text(BEFORE + text)
        (tmp_path / "vectors.c").write_text(VECTORS)
        (tmp_path / "program.ld").write_text(SCRIPT)
        command = ["arm-none-eabi-gcc", f"-mcpu={cpu}", "-mthumb", "-mfloat-abi=hard", *CORES[cpu]]
        command += ["-O2", "-ffreestanding", "-nostdlib", "-e", "start", "-T"]
        command += [
            str(tmp_path / "program.ld"),
            *(str(tmp_path / f"{name}.c") for name in ("program", "vectors")),
        ]
        elf = tmp_path / "program.elf"
        subprocess.run([*command, "-o", str(elf)], check=True)
        core = CortexM(cpu, HZ, irqs=IRQS, **options)
        core.add_memory(0, 0x10000, writable=False)
        core.add_memory(0x20000000, 0x10000)
        outside = Outside()
        core.map(0x40000000, outside)
        image = Image.read(elf)
        core.load(image)
        core.reset()
        build_and_run.core, build_and_run.outside = core, outside
        build_and_run.image = image
        core.run_ms(ms)
        return outside.heard

    return build_and_run


def test_an_interrupt_comes_at_once_and_returns(run):
    heard = run("""
        void irq0(void) { DROP(0); out(2); }
        void start(void) { ENABLE(0); out(1); PEND(0); out(3); for (;;) { } }
    """)
    assert heard == [1, 2, 3]


def test_the_line_of_an_interrupt_that_is_not_served_brings_it_again(run):
    heard = run("""
        static unsigned n;
        void irq0(void) { out(++n); if (n == 3) { DROP(0); } }
        void start(void) { ENABLE(0); PEND(0); out(99); for (;;) { } }
    """)
    assert heard == [1, 2, 3, 99]


def test_a_more_urgent_one_interrupts_and_a_less_urgent_one_waits(run):
    heard = run("""
        void irq0(void) { DROP(0); out(10); PEND(1); out(11); PEND(2); out(12); }
        void irq1(void) { DROP(1); out(20); }
        void irq2(void) { DROP(2); out(30); }
        void start(void) {
            PRIORITY(0, 0x80); PRIORITY(1, 0x40); PRIORITY(2, 0xc0);
            ENABLE(0); ENABLE(1); ENABLE(2);
            PEND(0); out(99);
            for (;;) { }
        }
    """)
    assert heard == [10, 20, 11, 12, 30, 99]


def test_of_equal_ones_the_lower_number_goes_first(run):
    heard = run("""
        void irq1(void) { DROP(1); out(1); }
        void irq2(void) { DROP(2); out(2); }
        void start(void) {
            ENABLE(1); ENABLE(2);
            __asm volatile("cpsid i");
            PEND(2); PEND(1); out(0);
            __asm volatile("cpsie i");
            for (unsigned i = 0; i < 20; i++) { __asm volatile(""); }
            out(9);
            for (;;) { }
        }
    """)
    assert heard == [0, 1, 2, 9]


def test_basepri_lets_only_the_more_urgent_through(run):
    heard = run("""
        void irq1(void) { DROP(1); out(1); }
        void irq2(void) { DROP(2); out(2); }
        void start(void) {
            PRIORITY(1, 0x80); PRIORITY(2, 0x20);
            ENABLE(1); ENABLE(2);
            __asm volatile("msr basepri, %0" :: "r"(0x40));
            PEND(1); PEND(2); out(0);
            __asm volatile("msr basepri, %0" :: "r"(0));
            for (unsigned i = 0; i < 20; i++) { __asm volatile(""); }
            out(9);
            for (;;) { }
        }
    """)
    assert heard == [2, 0, 1, 9]


def test_registers_and_floats_survive_interrupts_anywhere(run):
    """Interrupts that use all registers come every few instructions.

    All registers are in use meanwhile, half of the time inside IT blocks.
    """
    text = """
        static volatile float seen;
        static unsigned count;
        void irq0(void) {
            float x = seen;
            unsigned n = ++count;
            __asm volatile("vmov s0, %0\\n vmov s7, %0\\n vmov s15, %0\\n vadd.f32 s3, s0, s7\\n"
                           "mov r0, #0\\n mov r1, #0\\n mov r2, #0\\n mov r3, #0\\n mov r12, #0"
                           :: "r"(n) : "s0", "s7", "s15", "s3", "r0", "r1", "r2", "r3", "r12");
            seen = x * 1.5f;
            if (n < 400) { R(0x4000000c) = 1 + n % 7; }
        }
        void start(void) {
            R(0xe000ed88) |= 0xf << 20;
            ENABLE(0);
            R(0x4000000c) = 50;
            unsigned a = 1, b = 2, c = 3, d = 4;
            float f = 1, g = 2, h = 0.5f;
            for (unsigned i = 0; i < 2000; i++) {
                a = a * 1664525 + 1013904223;
                if (a & 0x100) { b += a; } else { b ^= a; }
                if ((int)a < 0) { c -= b; d += 3; } else { d ^= c; c += 7; }
                f = f * 0.75f + g; g = g * 0.5f + h; h = h + 0.25f;
                if (h > 100) { h = 0; }
            }
            out(a); out(b); out(c); out(d); out(f * 1000); out(g * 1000); out(h * 1000);
            out(count > 100);
            for (;;) { }
        }
    """
    with_interrupts = list(run(text, 100))
    without = run(text.replace("R(0x4000000c) = 50", ""), 100)
    assert with_interrupts[:-1] == without[:-1]
    assert (with_interrupts[-1], without[-1]) == (1, 0)
    assert len(without) == 8


def test_the_floating_point_frame_lies_where_the_manual_says(run):
    heard = run("""
        static volatile float one = 1.0f;
        __attribute__((naked)) void irq0(void) {
            __asm volatile("mrs r0, msp\\n mov r1, lr\\n push {r4, lr}\\n bl look\\n pop {r4, pc}");
        }
        void look(const unsigned *frame, unsigned link);
        void look(const unsigned *frame, unsigned link) {
            DROP(0); out(link); out(frame[5] == 0x5555); out(frame[8 + 2]);
            out((unsigned)frame & 7);
        }
        void start(void) {
            ENABLE(0);
            PEND(0);
            __asm volatile("vmov s2, %0" :: "r"(0x3f800000) : "s2");
            __asm volatile("mov lr, %0\\n" :: "r"(0x5555) : "lr");
            PEND(0);
            for (;;) { }
        }
    """)
    assert heard[0] == 0xFFFFFFF9 and heard[3] == 0
    assert heard[4:] == [0xFFFFFFE9, 1, 0x3F800000, 0]


def test_the_process_stack_is_used_where_thread_mode_says_so(run):
    heard = run("""
        __attribute__((naked)) void irq0(void) {
            __asm volatile("mov r0, lr\\n mrs r1, psp\\n mrs r2, msp\\n push {r4, lr}\\n"
                           "bl look\\n pop {r4, pc}");
        }
        void look(unsigned link, const unsigned *psp, unsigned msp);
        void look(unsigned link, const unsigned *psp, unsigned msp) {
            DROP(0); out(link); out(psp); out(msp); out(psp[0]);
        }
        __attribute__((naked)) void start(void) {
            __asm volatile("ldr r0, =0x20004000\\n msr psp, r0\\n mov r0, #2\\n msr control, r0\\n"
                           "isb\\n b go");
        }
        void go(void);
        __attribute__((used)) void go(void) {
            ENABLE(0);
            __asm volatile("mov r0, #77\\n mov r1, #0\\n ldr r2, =0x40000004\\n str r1, [r2]"
                           ::: "r0", "r1", "r2", "memory");
            out(1);
            for (;;) { }
        }
    """)
    assert heard[0] == 0xFFFFFFFD
    assert heard[1] <= 0x20004000 - 32 and heard[2] == 0x20008000
    assert heard[3:] == [77, 1]


def test_supervisor_calls_and_pendsv(run):
    heard = run("""
        void svc(void) { out(1); ICSR = 1u << 28; out(2); }
        void pendsv(void) { out(3); }
        void start(void) { __asm volatile("svc 0"); out(4); for (;;) { } }
    """)
    # equal priorities: PendSV waits until the SVC handler has returned
    assert heard == [1, 2, 3, 4]


def test_waiting_takes_no_instructions_and_time_jumps_to_the_next_event(run):
    heard = run("""
        static volatile unsigned n;
        void irq0(void) { n++; }
        void start(void) {
            ENABLE(0);
            for (unsigned i = 0; i < 3; i++) {
                R(0x4000000c) = 4000;
                wfi();
                out(n);
            }
            for (;;) { wfi(); }
        }
    """)
    assert heard == [1, 2, 3]
    assert 12_000 < run.core.cycles <= 20_001
    assert run.core.cycles - run.core.idle_cycles < 200


def test_waiting_with_interrupts_off_ends_when_one_comes_that_is_served_later(run):
    heard = run("""
        void irq0(void) { out(2); }
        void start(void) {
            ENABLE(0);
            __asm volatile("cpsid i");
            R(0x4000000c) = 4000;
            wfi();
            out(1);
            __asm volatile("cpsie i\\n isb");
            out(3);
            for (;;) { wfi(); }
        }
    """)
    assert sorted(heard) == [1, 2, 3] and heard[0] == 1
    assert run.core.idle_cycles > 3900


TICKS = """
    static volatile unsigned n;
    void tick(void) { n++; }
    void start(void) {
        R(0xe000e014) = 999; R(0xe000e018) = 0; R(0xe000e010) = 7;
        while (n < 5) { WAIT }
        out(R(0x40000010)); out(R(0xe000e018)); out(n);
        for (;;) { wfi(); }
    }
"""


def test_systick_counts_core_cycles(run):
    cycles, value, ticks = run(TICKS.replace("WAIT", ""))
    assert ticks == 5
    assert 5000 < cycles < 5060 and 940 < value < 1000


@pytest.mark.parametrize("stops", [True, False])
def test_systick_in_sleep_runs_on_or_not(run, stops):
    text = TICKS.replace("WAIT", "wfi();")
    heard = run(text, 30, sleep_stops_clock=stops)
    assert (len(heard) == 0) if stops else (5000 < heard[0] < 5100)


def test_the_cycle_counter_counts_once_it_is_on(run):
    heard = run("""
        void start(void) {
            out(R(0xe0001004));
            R(0xe000edfc) |= 1 << 24; R(0xe0001004) = 0; R(0xe0001000) |= 1;
            unsigned before = R(0xe0001004);
            __asm volatile("nop\\n nop\\n nop\\n nop\\n nop\\n nop\\n nop\\n nop");
            out(R(0xe0001004) - before);
            for (;;) { }
        }
    """)
    assert heard[0] == 0
    assert 9 <= heard[1] <= 11


def test_reset_starts_anew_and_memory_stays(run):
    heard = run("""
        static volatile unsigned mark __attribute__((section(".bss")));
        void start(void) {
            out(mark);
            if (mark != 0x600d) { mark = 0x600d; ENABLE(0); AIRCR = 0x05fa0004; out(1); }
            out(R(0xe000e100));
            for (;;) { }
        }
    """)
    assert heard == [0, 0x600D, 0]
    assert run.outside.resets == ["power-on", "software"]
    assert [cause for _, cause in run.core.resets] == ["power-on", "software"]


FAULTS = {
    "R(0x70000000)": ("access to 0x70000000", 1 << 9 | 1 << 15),
    "R(0x00000004) = 1": ("access to 0x4 ", 1 << 9 | 1 << 15),
    "((void (*)(void))0x70000001)()": ("jump to 0x70000000", 1 << 8),
    '__asm volatile("udf 0")': ("undefined instruction", 1 << 16),
}


@pytest.mark.parametrize("action", FAULTS)
@pytest.mark.parametrize("enabled", [False, True])
def test_faults_say_where_and_escalate_where_they_are_off(run, action, enabled):
    said, bits = FAULTS[action]
    heard = run(f"""
        static void tell(unsigned n) {{
            out(n); out(R(0xe000ed28)); out(R(0xe000ed2c));
            for (;;) {{ }}
        }}
        void hard(void) {{ tell(3); }}
        void bus(void) {{ tell(5); }}
        void usage(void) {{ tell(6); }}
        void start(void) {{
            SHCSR = {"7 << 16" if enabled else "0"};
            {action};
            out(1);
            for (;;) {{ }}
        }}
    """)
    kind = 6 if bits >> 16 else 5
    assert heard == [kind if enabled else 3, bits, 0 if enabled else 1 << 30]
    assert len(run.core.faults) == 1 and said in run.core.faults[0]


def test_a_fault_in_the_fault_handler_locks_up(run):
    with pytest.raises(LockUpError, match="undefined"):
        run("""
            void hard(void) { __asm volatile("udf 0"); }
            void start(void) { __asm volatile("udf 0"); }
        """)


def test_time_that_stands_still_is_an_error():
    """Here a reset asks for the next one, before any instruction."""

    class Restless(Peripheral):
        def reset(self, cause):
            self.core.request_reset("again")

    core = CortexM("cortex-m4", HZ, irqs=IRQS)
    core.add_memory(0, 0x1000, bytes(8) + b"\xfe\xe7")
    core.map(0x40000000, Restless())
    core.reset()
    with pytest.raises(LockUpError, match="time stands still"):
        core.run_ms(1)


def test_a_full_stack_still_gets_to_the_handler(run):
    heard = run("""
        __attribute__((naked)) void hard(void) {
            __asm volatile("ldr sp, =0x20008000\\n b told");
        }
        void told(void);
        __attribute__((used)) void told(void) { out(R(0xe000ed28)); for (;;) { } }
        __attribute__((naked)) void start(void) {
            __asm volatile("ldr sp, =0x20000010\\n 1: push {r0, r1, r2, r3}\\n b 1b");
        }
    """)
    assert heard == [1 << 9 | 1 << 15 | 1 << 12]


def test_bytes_and_halves_of_registers(run):
    heard = run("""
        void start(void) {
            out(*(volatile unsigned char *)0x40000022);
            out(*(volatile unsigned short *)0x40000022);
            *(volatile unsigned char *)0x40000000 = 0x99;
            for (;;) { }
        }
    """)
    assert heard == [0x33, 0x4433, 0x44332299]


def test_a_model_that_does_not_know_a_register_says_so(run):
    class Deaf(Peripheral):
        def reset(self, cause):
            pass

    run("void start(void) { for (;;) { out(R(0x40001004)); } }", 0)
    run.core.map(0x40001000, Deaf())
    with pytest.raises(NotImplementedError, match="Deaf: no register to read at 0x4"):
        run.core.run_ms(1)


def test_runs_repeat_exactly_whatever_the_pieces(run):
    text = """
        static volatile unsigned n;
        void irq0(void) { n++; R(0x4000000c) = 100 + n % 13; }
        void start(void) {
            ENABLE(0); R(0x4000000c) = 10;
            for (unsigned x = 1;;) {
                x = x * 1664525 + 1013904223;
                if (x >> 28 == 0) { out(R(0x40000010)); wfi(); }
            }
        }
    """
    whole = list(run(text, 10))
    run(text, 0)
    for _ in range(1000):
        run.core.run_ns(10_000)
    assert run.outside.heard == whole and len(whole) > 20


def test_the_clock_may_change_while_it_runs(run):
    run("void start(void) { for (;;) { } }", 1)
    core = run.core
    assert core.cycles == 1000
    core.clock_hz = 4 * HZ
    core.run_ms(1)
    assert core.cycles == 5000
    assert core.now_ms == pytest.approx(2)


def test_code_can_be_watched(run):
    run(
        """
        __attribute__((noinline)) void mark(void) { out(1); }
        void start(void) { for (unsigned i = 0; i < 5; i++) { mark(); } for (;;) { } }
        """,
        0,
    )
    seen = []
    run.core.stop_at(run.image.symbol("mark"), lambda: seen.append(run.core.cycles))
    run.core.run_ms(1)
    assert len(seen) == 5 and seen == sorted(seen)


def test_images_that_are_none_are_refused(tmp_path):
    with pytest.raises(UserError, match="build it with"):
        Image.read(tmp_path / "absent.elf")
    file = tmp_path / "torn.elf"
    for data in (b"", b"\x7fELF\x01\x01" + bytes(20), struct.pack("<16s", b"no") * 10):
        file.write_bytes(data)
        with pytest.raises(UserError, match="not an Arm ELF image"):
            Image.read(file)


def test_without_unicorn_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "unicorn", None)
    with pytest.raises(UserError, match="needs Unicorn"):
        CortexM("cortex-m4", HZ, irqs=1)


def test_any_time_that_is_asked_for_passes(run):
    """A caller that runs the rest of a span must get to its end."""
    run("void start(void) { for (;;) { } }")
    before = run.core.now_ns
    run.core.run_ns(1e-3)
    assert run.core.now_ns > before
    run.core.run_ns(0)
    assert run.core.now_ns - before < 3e9 / HZ
