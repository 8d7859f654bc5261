/*
 * The smallest "kernel" that the boot chain will start: an arm64 Image that says on the serial port which command line it
 * was given, and then does what it was compiled to do (-DACTION=): SYSTEM_OFF, SYSTEM_RESET, or HANG.
 *
 * It stands in for a system in the tests of the boot script, where all that matters is that it was started, with what, and
 * whether it comes up. It runs without a stack of its own making, with memory management off, on QEMU's `virt` machine.
 */

#define HANG 0
#define SYSTEM_OFF 0x84000008
#define SYSTEM_RESET 0x84000009

__asm__(".section .head, \"ax\"\n"
	".globl _start\n"
	"_start:	b 1f\n" /* the header that boot loaders know: Documentation/arch/arm64/booting.rst */
	"	.long 0\n"
	"	.quad 0\n" /* offset from a 2 MiB boundary */
	"	.quad 0x10000\n" /* size in memory, with the stack */
	"	.quad 0xa\n" /* little endian, 4 KiB pages, anywhere in memory */
	"	.quad 0, 0, 0\n"
	"	.ascii \"ARM\\x64\"\n"
	"	.long 0\n"
	"1:	adr x1, _start + 0x10000\n"
	"	mov sp, x1\n"
	"	b main\n");

static volatile unsigned int *const uart = (void *)0x09000000; /* PL011: data at 0, flags at 0x18 */

static void say(const char *text)
{
	for (; *text; text++) {
		while (uart[6] & 0x20)
			;
		*uart = *text;
	}
}

/* The command line is the only text in the tree that begins so. */
static const char *command_line(const char *tree)
{
	const char *want = "console=", *end = tree + 0x10000;

	for (; tree < end; tree++) {
		int same = 0;

		while (want[same] && tree[same] == want[same])
			same++;
		if (!want[same])
			return tree;
	}
	return "nothing";
}

void main(const char *tree)
{
	say("payload: started with ");
	say(command_line(tree));
	say("\r\n");
	if (ACTION != HANG) {
		register unsigned long function __asm__("x0") = ACTION;

		__asm__ volatile("hvc #0" : "+r"(function) : : "memory"); /* PSCI */
	}
	for (;;)
		__asm__ volatile("wfi"); /* no interrupt will come */
}
