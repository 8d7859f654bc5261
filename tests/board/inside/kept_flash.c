// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * Flash chips in memory that outlives the machine, and whose power goes after so many bytes.
 *
 *	nand=BYTES	a NAND: blocks of 128 KiB, pages of 2 KiB that can be written in quarters
 *	nor=BYTES	a NOR: blocks of 64 KiB, every byte can be written
 *	address=START	the memory that holds the chips, one behind the other, as a device offers it; without it they are new
 *	power=BYTES	that both still program or erase: the power goes under the first change that is more. Negative: it stays
 *	lost=1		the power has gone: nothing answers (EIO)
 *
 * What is not given does not exist. The last two can be written at any time. Programming only clears bits.
 */

#include <linux/io.h>
#include <linux/module.h>
#include <linux/mtd/mtd.h>
#include <linux/mutex.h>
#include <linux/vmalloc.h>

static unsigned long address;
static unsigned int nand, nor;
static long power = -1;
static bool lost;
module_param(address, ulong, 0);
module_param(nand, uint, 0);
module_param(nor, uint, 0);
module_param(power, long, 0644);
module_param(lost, bool, 0644);

static DEFINE_MUTEX(supply);
static u8 *memory;
static struct mtd_info chips[2];

/* How many of so many bytes are still changed before the power goes. */
static size_t changed(size_t length)
{
	if (lost)
		return 0;
	if (power < 0)
		return length;
	lost = length > power;
	length = min_t(size_t, length, power);
	power -= length;
	return length;
}

static int chip_read(struct mtd_info *chip, loff_t from, size_t length, size_t *done, u_char *data)
{
	if (READ_ONCE(lost))
		return -EIO;
	memcpy(data, chip->priv + from, length);
	*done = length;
	return 0;
}

static int chip_write(struct mtd_info *chip, loff_t to, size_t length, size_t *done, const u_char *data)
{
	u8 *cell = chip->priv + to;
	size_t i;

	mutex_lock(&supply);
	*done = changed(length);
	for (i = 0; i < *done; i++)
		cell[i] &= data[i];
	mutex_unlock(&supply);
	return *done == length ? 0 : -EIO;
}

static int chip_erase(struct mtd_info *chip, struct erase_info *span)
{
	size_t done;

	mutex_lock(&supply);
	done = changed(span->len);
	memset(chip->priv + span->addr, 0xff, done);
	mutex_unlock(&supply);
	return done == span->len ? 0 : -EIO;
}

/* UBI takes a chip for one whose blocks may go bad if it can be asked. */
static int chip_is_bad(struct mtd_info *chip, loff_t block)
{
	return 0;
}

static int __init begin(void)
{
	struct mtd_info *chip;

	memory = address ? memremap(address, nand + nor, MEMREMAP_WB) : vmalloc(nand + nor);
	if (!memory)
		return -ENOMEM;
	if (!address)
		memset(memory, 0xff, nand + nor);
	chips[0] = (struct mtd_info) {
		.name = "kept nand", .type = MTD_NANDFLASH, .flags = MTD_CAP_NANDFLASH, .size = nand, .priv = memory,
		.erasesize = 128 << 10, .writesize = 2048, .writebufsize = 2048, .subpage_sft = 2,
		._block_isbad = chip_is_bad,
	};
	chips[1] = (struct mtd_info) {
		.name = "kept nor", .type = MTD_NORFLASH, .flags = MTD_CAP_NORFLASH, .size = nor, .priv = memory + nand,
		.erasesize = 64 << 10, .writesize = 1, .writebufsize = 256,
	};
	for (chip = chips; chip < chips + ARRAY_SIZE(chips); chip++) {
		chip->owner = THIS_MODULE;
		chip->_read = chip_read;
		chip->_write = chip_write;
		chip->_erase = chip_erase;
		if (chip->size)
			WARN_ON(mtd_device_register(chip, NULL, 0));
	}
	return 0;
}

static void __exit end(void)
{
	struct mtd_info *chip;

	for (chip = chips; chip < chips + ARRAY_SIZE(chips); chip++)
		if (chip->size)
			WARN_ON(mtd_device_unregister(chip));
	if (address)
		memunmap(memory);
	else
		vfree(memory);
}

module_init(begin);
module_exit(end);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Flash chips in memory that outlives the machine");
