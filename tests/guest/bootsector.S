/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first sector of a guest's disk, for samples that are to start as they are: says on the serial port that it was
 * booted, and "pci VVVV:DDDD" for each device (function 0) on the first eight buses. prepare.sh makes disk.img of it.
 */
	.code16
	.globl _start
_start:
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0x7c00, %sp
	movw	$booted, %si
	call	print

	/* Configuration mechanism 1: bit 31, bus from bit 16, device from bit 11 */
	movl	$0x80000000, %ebx
1:	movl	%ebx, %eax
	movw	$0xcf8, %dx
	outl	%eax, %dx
	movw	$0xcfc, %dx
	inl	%dx, %eax
	cmpw	$0xffff, %ax
	je	2f
	movl	%eax, %edi
	movw	$pci, %si
	call	print
	movw	%di, %ax
	call	hex
	movb	$':', %al
	call	put
	movl	%edi, %eax
	shrl	$16, %eax
	call	hex
	movw	$line, %si
	call	print
2:	addl	$0x800, %ebx
	cmpl	$0x80080000, %ebx
	jb	1b
	movw	$over, %si
	call	print
3:	hlt
	jmp	3b

hex:	movw	%ax, %cx
	movb	$4, %ch
	movw	%ax, %bp
4:	rolw	$4, %bp
	movw	%bp, %ax
	andb	$0xf, %al
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	5f
	addb	$'a' - '0' - 10, %al
5:	call	put
	decb	%ch
	jnz	4b
	ret

print:	lodsb
	testb	%al, %al
	jz	6f
	call	put
	jmp	print
6:	ret

/* COM1, when it has sent what it had */
put:	pushw	%ax
	movw	$0x3fd, %dx
7:	inb	%dx, %al
	testb	$0x20, %al
	jz	7b
	popw	%ax
	movw	$0x3f8, %dx
	outb	%al, %dx
	ret

booted:	.asciz	"the guest has booted from its disk\r\n"
pci:	.asciz	"pci "
line:	.asciz	"\r\n"
over:	.asciz	"that is all\r\n"

	.org	510
	.word	0xaa55
