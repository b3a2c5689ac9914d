/* Which numbers do kernels compute with, and where does a thread stand?

   The kernels are written in what C and CUDA C++ share: a compiler of either takes them. Whoever compiles
   them for something else than a GPU defines KERNEL, INLINE and INDEX first. A kernel has no shared memory,
   no barriers and no atomics: what a thread writes depends on nothing that another thread of its launch
   writes, so the order of threads decides nothing.

   Maps are [n][h][w][c], vectors [n][c]. E is a unit's type: float, or with BF16 the upper half of one.
   All arithmetic is in float. A gradient that has several sources is summed up: with `add` a kernel adds to
   what stands there. */

#ifndef KERNEL
#define KERNEL extern "C" __global__ void
#define INLINE static __device__ __forceinline__
#define INDEX ((int)(blockIdx.x * blockDim.x + threadIdx.x))
#define INFINITY __int_as_float(0x7f800000)
#endif

/* Parts of a sum that one thread adds up; SUM_PARTS in sums.rs. */
#define PARTS 64

#ifdef BF16
typedef unsigned short E;

INLINE float get(E x) {
    union { unsigned int bits; float number; } u;
    u.bits = (unsigned int)x << 16;
    return u.number;
}

/* To nearest, ties to even; a NaN stays one. */
INLINE E put(float x) {
    union { unsigned int bits; float number; } u;
    u.number = x;
    if ((u.bits & 0x7fffffffu) > 0x7f800000u) return (E)((u.bits >> 16) | 0x40u);
    return (E)((u.bits + 0x7fffu + ((u.bits >> 16) & 1u)) >> 16);
}
#else
typedef float E;

INLINE float get(E x) { return x; }
INLINE E put(float x) { return x; }
#endif

INLINE void store(E *y, int i, float x, int add) { y[i] = put(add ? get(y[i]) + x : x); }

INLINE int smaller(int a, int b) { return a < b ? a : b; }

/* Where a unit of maps stands. */
typedef struct { int n, row, column, c; } Place;

INLINE Place place(int i, int channels, int h, int w) {
    Place p;
    p.c = i % channels;
    p.column = i / channels % w;
    p.row = i / channels / w % h;
    p.n = i / channels / w / h;
    return p;
}
