/* jit_shapes.h: descriptors with odd, prime and unit extents, tails on every axis and every part of the epilogue. */
#ifndef ALT_TESTS_JIT_SHAPES_H
#define ALT_TESTS_JIT_SHAPES_H

static const char *const jit_shapes[] = {
    "conv f32 n=1 c=1 i=1x1 o=1 k=1x1 s=1x1 p=0,0,0,0 d=1x1",
    "conv f32 n=1 c=16 i=5x29 o=32 k=3x3 s=1x1 p=1,1,1,1 d=1x1 +bias +relu",
    "conv f32 n=2 c=3 i=11x13 o=17 k=3x3 s=2x2 p=1,1,1,1 d=1x1 +bias",
    "conv f32 n=1 c=19 i=7x7 o=33 k=1x1 s=1x1 p=0,0,0,0 d=1x1 +bias +add +relu",
    "conv f32 n=1 c=5 i=9x40 o=8 k=3x5 s=1x2 p=2,3,0,1 d=2x3 +clip=0x00000000,0x40c00000",
    "conv f32 n=1 c=32 i=1x31 o=48 k=1x9 s=1x1 p=0,4,0,4 d=1x1 +add",
    "conv f32 n=1 c=2 i=2x2 o=3 k=5x5 s=1x1 p=2,2,2,2 d=1x1 +bias",
    "conv f32 n=1 c=4 i=6x90 o=16 k=2x2 s=1x1 p=0,20,0,20 d=1x1",
    "conv f32 n=2 c=7 i=53 o=21 k=3 s=1 p=1,1 d=1 +bias +add +clip=0xbf000000,0x3f000000",
    "product f32 batch=1 m=1 k=1 n=1 b=kn",
    "product f32 batch=1 m=37 k=31 n=100 b=kn,const +bias +relu",
    "product f32 batch=1 m=29 k=64 n=64 b=nk,const +bias +add",
    "product f32 batch=3 m=5 k=7 n=19 b=kn +relu",
    "product f32 batch=1 m=13 k=3 n=257 b=kn +add +clip=0xff800000,0x3f800000",
    "product f32 batch=2 m=31 k=70 n=90 b=kn,const +bias +add",
    "conv f32 n=*3 c=5 i=7x9 o=20 k=3x3 s=1x1 p=1,1,1,1 d=1x1 +bias +add +relu",
    "conv f32 n=*1 c=16 i=5x5 o=16 k=1x1 s=2x2 p=0,0,0,0 d=1x1",
    "product f32 batch=1 m=*20 k=31 n=100 b=kn,const +bias +add +relu",
    "product f32 batch=1 m=*3 k=9 n=40 b=kn",
    "product f32 batch=1 m=*64 k=70 n=33 b=nk,const +bias",
    "product f32 batch=1 m=*17 k=300 n=96 b=kn +add",
    "product f32 batch=1 m=1 k=129 n=50 b=kn,const +bias",
};
enum { JIT_SHAPES = sizeof jit_shapes / sizeof *jit_shapes };

#endif
