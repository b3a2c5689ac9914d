/* What is done to each unit by itself. Where no channels count, a thread takes WIDE units of `count`. */

/* y = relu(x * scale + shift + residual), as far as there are such things; y may be x. */
KERNEL finish(const E *x, const float *scale, const float *shift, const E *residual, E *y, int channels, int relu,
              int rows, int each, int count) {
    int i = INDEX, j, row, at;
    float v[WIDE], other[WIDE], factor[WIDE], summand[WIDE];
    Strip s;
    if (i >= count) return;
    s = strip(i, channels, rows, each);
    for (j = 0; j < WIDE; j++) factor[j] = 1.0f;
    for (j = 0; j < WIDE; j++) summand[j] = other[j] = 0.0f;
    BY_ROWS(channels,
        if (scale) load_floats(scale + s.c, s.lanes, whole, factor);
        if (shift) load_floats(shift + s.c, s.lanes, whole, summand);
        for (row = s.row; row < s.end; row++) {
            at = row * channels + s.c;
            load(x + at, s.lanes, whole, v);
            if (residual) load(residual + at, s.lanes, whole, other);
            for (j = 0; j < WIDE; j++) {
                v[j] = v[j] * factor[j] + summand[j] + other[j];
                if (relu && v[j] < 0.0f) v[j] = 0.0f;
            }
            save(y + at, s.lanes, whole, v);
        }
    )
}

/* The functions, numbered as `kind` in layers.rs: relu, sigmoid, tanh, 1.7159 tanh(2x / 3). */
KERNEL activate(const E *x, E *y, int kind, int count) {
    int i = INDEX * WIDE, j, lanes = smaller(WIDE, count - i);
    float v[WIDE], e;
    if (i >= count) return;
    load(x + i, lanes, lanes == WIDE, v);
    for (j = 0; j < WIDE; j++) {
        if (kind == 0) {
            v[j] = v[j] < 0.0f ? 0.0f : v[j];
        } else if (kind == 1) {
            e = expf(-fabsf(v[j]));
            v[j] = (v[j] < 0.0f ? e : 1.0f) / (1.0f + e);
        } else if (kind == 2) {
            v[j] = tanhf(v[j]);
        } else {
            v[j] = 1.7159f * tanhf(2.0f / 3.0f * v[j]);
        }
    }
    save(y + i, lanes, lanes == WIDE, v);
}

/* From the output alone. */
KERNEL activate_backward(const E *y, const E *dy, E *dx, int kind, int add, int count) {
    int i = INDEX * WIDE, j, lanes = smaller(WIDE, count - i);
    float v[WIDE], d[WIDE];
    if (i >= count) return;
    load(y + i, lanes, lanes == WIDE, v);
    load(dy + i, lanes, lanes == WIDE, d);
    for (j = 0; j < WIDE; j++) {
        if (kind == 0) {
            d[j] = v[j] > 0.0f ? d[j] : 0.0f;
        } else if (kind == 1) {
            d[j] = d[j] * v[j] * (1.0f - v[j]);
        } else if (kind == 2) {
            d[j] = d[j] * (1.0f - v[j] * v[j]);
        } else {
            v[j] /= 1.7159f;
            d[j] = d[j] * (1.7159f * 2.0f / 3.0f) * (1.0f - v[j] * v[j]);
        }
    }
    give(dx + i, lanes, lanes == WIDE, d, add);
}

/* y (+)= factor * x + offset. */
KERNEL scale(const E *x, E *y, float factor, float offset, int add, int count) {
    int i = INDEX * WIDE, j, lanes = smaller(WIDE, count - i);
    float v[WIDE];
    if (i >= count) return;
    load(x + i, lanes, lanes == WIDE, v);
    for (j = 0; j < WIDE; j++) v[j] = factor * v[j] + offset;
    give(y + i, lanes, lanes == WIDE, v, add);
}

KERNEL sum(const E *a, const E *b, E *y, int count) {
    int i = INDEX * WIDE, j, lanes = smaller(WIDE, count - i);
    float v[WIDE], other[WIDE];
    if (i >= count) return;
    load(a + i, lanes, lanes == WIDE, v);
    load(b + i, lanes, lanes == WIDE, other);
    for (j = 0; j < WIDE; j++) v[j] += other[j];
    save(y + i, lanes, lanes == WIDE, v);
}

/* x times the gate of its unit, or of its map in its sample; both gradients of a gate by unit, and that of
   x by map, are such products too. A thread takes WIDE channels of a row. */
KERNEL gate(const E *x, const E *gates, E *y, int channels, int plane, int by_unit, int add, int count) {
    int i = INDEX, j, whole = channels % WIDE == 0;
    float v[WIDE], factor[WIDE];
    Strip s;
    if (i >= count) return;
    s = row_of(i, channels);
    load(x + s.row * channels + s.c, s.lanes, whole, v);
    load(gates + (by_unit ? s.row : s.row / plane) * channels + s.c, s.lanes, whole, factor);
    for (j = 0; j < WIDE; j++) v[j] *= factor[j];
    give(y + s.row * channels + s.c, s.lanes, whole, v, add);
}

INLINE unsigned long long mixed(unsigned long long state) {
    unsigned long long z = state + 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* Zeroes the units whose number under the key, 53 bits of it, is below a limit: mask is {key, limit}. The
   number's place counts units as [n][c][h][w]. Its own gradient. */
KERNEL dropout(const E *x, E *y, const unsigned long long *mask, float factor, int channels, int plane,
               int add, int count) {
    int i = INDEX, c, row;
    unsigned long long place;
    if (i >= count) return;
    c = i % channels;
    row = i / channels;
    place = ((unsigned long long)(row / plane) * channels + c) * plane + row % plane;
    store(y, i, (mixed(mask[0] + place) >> 11) < mask[1] ? 0.0f : get(x[i]) * factor, add);
}

/* The sum of up to four values, each times the share that its sample has, [values][samples]; without shares
   times a factor. The gradients are such sums too, of one value. */
KERNEL mean(const E *a, const E *b, const E *c, const E *d, const float *shares, float factor, int samples,
            int units, E *y, int add, int count) {
    int i = INDEX, at;
    float total;
    if (i >= count) return;
    at = i / units;
    total = get(a[i]) * (shares ? shares[at] : factor);
    if (b) total += get(b[i]) * (shares ? shares[samples + at] : factor);
    if (c) total += get(c[i]) * (shares ? shares[2 * samples + at] : factor);
    if (d) total += get(d[i]) * (shares ? shares[3 * samples + at] : factor);
    store(y, i, total, add);
}
