"""The byte shuffle: the k-th bytes of all items next to each other, and back."""

from libc.stdint cimport uint8_t

cdef extern from * nogil:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>

    #if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
    #define RH5_CLONES __attribute__((target_clones("avx2", "default")))
    #else
    #define RH5_CLONES
    #endif

    /* Constant strides let the compiler turn these loops into vector interleaves. */
    RH5_CLONES static void rh5_shuffle2(const uint8_t *restrict s, uint8_t *restrict d, size_t n) {
        uint8_t *restrict d0 = d, *restrict d1 = d + n;
        for (size_t i = 0; i < n; i++) { d0[i] = s[2 * i]; d1[i] = s[2 * i + 1]; }
    }
    RH5_CLONES static void rh5_shuffle4(const uint8_t *restrict s, uint8_t *restrict d, size_t n) {
        uint8_t *restrict d0 = d, *restrict d1 = d + n, *restrict d2 = d + 2 * n,
                *restrict d3 = d + 3 * n;
        for (size_t i = 0; i < n; i++) {
            uint32_t v;
            memcpy(&v, s + 4 * i, 4);
            d0[i] = (uint8_t)v; d1[i] = (uint8_t)(v >> 8);
            d2[i] = (uint8_t)(v >> 16); d3[i] = (uint8_t)(v >> 24);
        }
    }
    RH5_CLONES static void rh5_shuffle8(const uint8_t *restrict s, uint8_t *restrict d, size_t n) {
        for (size_t i = 0; i < n; i++) {
            uint64_t v;
            memcpy(&v, s + 8 * i, 8);
            d[i] = (uint8_t)v; d[n + i] = (uint8_t)(v >> 8);
            d[2 * n + i] = (uint8_t)(v >> 16); d[3 * n + i] = (uint8_t)(v >> 24);
            d[4 * n + i] = (uint8_t)(v >> 32); d[5 * n + i] = (uint8_t)(v >> 40);
            d[6 * n + i] = (uint8_t)(v >> 48); d[7 * n + i] = (uint8_t)(v >> 56);
        }
    }
    /* Interleave 16 bytes of each of t planes, t a power of two: every round of unpacking doubles
       the run of bytes that belong together. */
    #ifdef __SSE2__
    #include <emmintrin.h>
    #define RH5_STEP 16
    static inline void rh5_join_step(
        const uint8_t *const *p, uint8_t *d, size_t i, const int t
    ) {
        __m128i a[8], b[8];
        for (int k = 0; k < t; k++) a[k] = _mm_loadu_si128((const __m128i *)(p[k] + i));
        for (int half = t / 2; half; half /= 2) {
            for (int k = 0; k < t / 2; k++) {
                b[2 * k] = _mm_unpacklo_epi8(a[k], a[k + t / 2]);
                b[2 * k + 1] = _mm_unpackhi_epi8(a[k], a[k + t / 2]);
            }
            for (int k = 0; k < t; k++) a[k] = b[k];
        }
        for (int k = 0; k < t; k++) _mm_storeu_si128((__m128i *)(d + t * i) + k, a[k]);
    }
    #else
    #define RH5_STEP 1
    static inline void rh5_join_step(
        const uint8_t *const *p, uint8_t *d, size_t i, const int t
    ) {
        for (int k = 0; k < t; k++) d[t * i + k] = p[k][i];
    }
    #endif
    static inline void rh5_join_planes(
        const uint8_t *const *p, uint8_t *d, size_t n, const int t
    ) {
        size_t i = 0;
        for (; i + RH5_STEP <= n; i += RH5_STEP) rh5_join_step(p, d, i, t);
        for (; i < n; i++)
            for (int k = 0; k < t; k++) d[t * i + k] = p[k][i];
    }
    static void rh5_shuffle(const uint8_t *s, uint8_t *d, size_t bytes, size_t t) {
        size_t n = bytes / t, done = n * t;
        if (t == 4) rh5_shuffle4(s, d, n);
        else if (t == 8) rh5_shuffle8(s, d, n);
        else if (t == 2) rh5_shuffle2(s, d, n);
        else for (size_t k = 0; k < t; k++)
            for (size_t i = 0; i < n; i++) d[k * n + i] = s[i * t + k];
        memcpy(d + done, s + done, bytes - done);
    }
    /* Interleave t planes of n bytes, wherever each of them lies. */
    static void rh5_join(const uint8_t *const *p, uint8_t *d, size_t n, size_t t) {
        if (t == 4) rh5_join_planes(p, d, n, 4);
        else if (t == 8) rh5_join_planes(p, d, n, 8);
        else if (t == 2) rh5_join_planes(p, d, n, 2);
        else for (size_t k = 0; k < t; k++)
            for (size_t i = 0; i < n; i++) d[i * t + k] = p[k][i];
    }
    """
    void rh5_shuffle(const uint8_t*, uint8_t*, size_t, size_t)
    void rh5_join(const uint8_t**, uint8_t*, size_t, size_t)
