/* The loss, and the step of the weights. */

/* Cross entropy of each sample's scores; `log_of` keeps the largest score and the logarithm of the sum as
   two rows. Of equal scores the first is the prediction; scores with a NaN are wrong. Losses, and what is right, go to
   slot[0] of several, each for `each` samples. */
KERNEL loss(const E *__restrict__ scores, const int *labels, float *log_of, float *losses, int *right, const int *slot,
            float smoothing, int each, int classes, int count) {
    int i = INDEX, j, c, lanes, best = 0, number = 1, label;
    float largest = -INFINITY, total = 0.0f, sum = 0.0f, target, x[WIDE], first;
    if (i >= count) return;
    scores += i * classes;
    label = labels[i];
    first = get(scores[0]);
    BY_ROWS(classes,
        UNROLL_ROWS
        for (c = 0; c < classes; c += WIDE) {
            lanes = whole ? WIDE : lanes_from(c, classes);
            load(scores + c, lanes, whole, x);
            for (j = 0; j < WIDE; j++) {
                if (j >= lanes) break;
                number = number && x[j] == x[j];
                if (x[j] > first) {
                    first = x[j];
                    best = c + j;
                }
                largest = fmaxf(largest, x[j]);
            }
        }
        UNROLL_ROWS
        for (c = 0; c < classes; c += WIDE) {
            lanes = whole ? WIDE : lanes_from(c, classes);
            load(scores + c, lanes, whole, x);
            for (j = 0; j < WIDE; j++)
                if (j < lanes) total += expf(x[j] - largest);
        }
        total = logf(total);
        log_of[i] = largest;
        log_of[count + i] = total;
        if (!losses) return;
        UNROLL_ROWS
        for (c = 0; c < classes; c += WIDE) {
            lanes = whole ? WIDE : lanes_from(c, classes);
            load(scores + c, lanes, whole, x);
            for (j = 0; j < WIDE; j++) {
                target = (c + j == label ? 1.0f - smoothing : 0.0f) + smoothing / (float)classes;
                /* a target of zero does not count, even where the logarithm is minus infinity */
                if (j < lanes && target > 0.0f) sum -= target * (x[j] - largest - total);
            }
        }
    )
    losses[slot[0] * each + i] = sum;
    right[slot[0] * each + i] = number && best == label;
}

/* Its gradient, times a factor; a thread for each score. */
KERNEL loss_backward(const E *scores, const int *labels, const float *log_of, E *dx, float smoothing,
                     float factor, int classes, int samples, int add, int count) {
    int i = INDEX, c, sample;
    float target, log;
    if (i >= count) return;
    c = i % classes;
    sample = i / classes;
    log = get(scores[i]) - log_of[sample] - log_of[samples + sample];
    target = (c == labels[sample] ? 1.0f - smoothing : 0.0f) + smoothing / (float)classes;
    store(dx, i, (expf(log) - target) * factor, add);
}

/* The gradient of weights that a connection table leaves out is taken away. */
KERNEL masked(E *dw, const float *mask, int count) {
    int i = INDEX;
    if (i < count && mask[i] == 0.0f) dw[i] = put(0.0f);
}

/* A step of gradient descent: weights with more than one dimension come first, their gradients as units, the
   others as floats. `now` is {rate}. `low` takes the new weights as units, if it is given. Without momentum
   there is no velocity. */
KERNEL descend(float *w, E *low, const E *matrices, const float *vectors, float *velocity,
               const float *now, float momentum, float decay, float decay_vectors, int nesterov, int first,
               int count) {
    int i = INDEX;
    float g, v, weight;
    if (i >= count) return;
    weight = w[i];
    g = i < first ? get(matrices[i]) + decay * weight : vectors[i - first] + decay_vectors * weight;
    v = velocity ? momentum * velocity[i] + g : g;
    if (velocity) velocity[i] = v;
    weight -= now[0] * (nesterov ? g + momentum * v : v);
    w[i] = weight;
    if (low && i < first) low[i] = put(weight);
}

/* A step of Adam. `now` is {rate, root, shrink of weights that decay by themselves, of vectors}. */
KERNEL adapt(float *w, E *low, const E *matrices, const float *vectors, float *means, float *squares,
             const float *now, float beta1, float beta2, float rest1, float rest2, float epsilon,
             float decay, float decay_vectors, int first, int count) {
    int i = INDEX;
    float g, m, v, weight;
    if (i >= count) return;
    weight = w[i];
    g = i < first ? get(matrices[i]) + decay * weight : vectors[i - first] + decay_vectors * weight;
    m = beta1 * means[i] + rest1 * g;
    v = beta2 * squares[i] + rest2 * g * g;
    means[i] = m;
    squares[i] = v;
    weight = weight * (i < first ? now[2] : now[3]) - now[0] * m / (sqrtf(v) / now[1] + epsilon);
    w[i] = weight;
    if (low && i < first) low[i] = put(weight);
}
