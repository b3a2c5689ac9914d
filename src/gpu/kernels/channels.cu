/* What reads the channels of a unit, or all units of a sample: softmax, response normalisation, distances to
   codes. */

/* Over the channels; a thread for each row [n][h][w]. */
KERNEL softmax(const E *x, E *y, int channels, int count) {
    int i = INDEX, c, at;
    float largest = -INFINITY, total = 0.0f;
    if (i >= count) return;
    at = i * channels;
    for (c = 0; c < channels; c++) largest = fmaxf(largest, get(x[at + c]));
    for (c = 0; c < channels; c++) total += expf(get(x[at + c]) - largest);
    for (c = 0; c < channels; c++) y[at + c] = put(expf(get(x[at + c]) - largest) / total);
}

KERNEL softmax_backward(const E *y, const E *dy, E *dx, int channels, int add, int count) {
    int i = INDEX, c, at;
    float dot = 0.0f;
    if (i >= count) return;
    at = i * channels;
    for (c = 0; c < channels; c++) dot += get(y[at + c]) * get(dy[at + c]);
    for (c = 0; c < channels; c++) store(dx, at + c, get(y[at + c]) * (get(dy[at + c]) - dot), add);
}

/* What the channel of a unit is divided by, before the power: its row's units from `x` on. */
INLINE float base(const E *x, int c, int channels, int size, float alpha, float k) {
    int from = c - size / 2, to = smaller(c + (size + 1) / 2, channels), i;
    float total = k, value;
    for (i = from > 0 ? from : 0; i < to; i++) {
        value = get(x[i]);
        total += alpha * value * value;
    }
    return total;
}

/* A number to the power of -beta. */
INLINE float inverse_power(float x, float beta) {
    return beta == 0.75f ? 1.0f / (sqrtf(x) * sqrtf(sqrtf(x))) : powf(x, -beta);
}

KERNEL lrn(const E *x, E *y, int channels, int size, float alpha, float beta, float k, int count) {
    int i = INDEX, c;
    if (i >= count) return;
    c = i % channels;
    y[i] = put(get(x[i]) * inverse_power(base(x + (i - c), c, channels, size, alpha, k), beta));
}

/* What the square of a neighbour takes of each unit's gradient. */
KERNEL lrn_taken(const E *x, const E *dy, float *taken, int channels, int size, float alpha, float beta,
                 float k, int count) {
    int i = INDEX, c;
    float divided;
    if (i >= count) return;
    c = i % channels;
    divided = base(x + (i - c), c, channels, size, alpha, k);
    taken[i] = get(dy[i]) * inverse_power(divided, beta) * get(x[i]) / divided;
}

/* `factor` is 2 alpha beta. */
KERNEL lrn_backward(const E *x, const E *dy, const float *taken, E *dx, int channels, int size,
                    float alpha, float beta, float k, float factor, int add, int count) {
    int i = INDEX, c, from, to, other;
    float direct, total = 0.0f;
    if (i >= count) return;
    c = i % channels;
    direct = get(dy[i]) * inverse_power(base(x + (i - c), c, channels, size, alpha, k), beta);
    from = c + 1 - (size + 1) / 2;
    to = smaller(c + size / 2 + 1, channels);
    for (other = from > 0 ? from : 0; other < to; other++) total += taken[i - c + other];
    store(dx, i, direct - factor * get(x[i]) * total, add);
}

/* Squared distances of vectors to codes [out][width]; a thread for each distance. */
KERNEL rbf(const E *x, const float *codes, E *y, int width, int out, int count) {
    int i = INDEX, unit;
    float total = 0.0f, apart;
    if (i >= count) return;
    for (unit = 0; unit < width; unit++) {
        apart = get(x[i / out * width + unit]) - codes[i % out * width + unit];
        total += apart * apart;
    }
    y[i] = put(total);
}

KERNEL rbf_backward(const E *x, const float *codes, const E *dy, E *dx, int width, int out, int add,
                    int count) {
    int i = INDEX, o;
    float total = 0.0f;
    if (i >= count) return;
    for (o = 0; o < out; o++) total += get(dy[i / width * out + o]) * (get(x[i]) - codes[o * width + i % width]);
    store(dx, i, 2.0f * total, add);
}
