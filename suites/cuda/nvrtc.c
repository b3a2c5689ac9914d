/* What if NVRTC's code of a GPU were the source itself? driver.c compiles it when it is loaded. */
#include "stand_in.h"
#include <stdio.h>

struct program { char *source, *code; };

int nvrtcVersion(int *major, int *minor) { return *major = 13, *minor = 0, 0; }

int nvrtcCreateProgram(void **program, const char *source, const char *name, int count, const char **headers, const char **names) {
    struct program *made = calloc(1, sizeof *made);
    return made->source = strdup(source), *program = made, 0;
}

int nvrtcDestroyProgram(void **program) { return *program = NULL, 0; }

int nvrtcCompileProgram(void *program, int count, const char **options) {
    struct program *p = program;
    size_t room = strlen(p->source) + 4096;
    int targets = 0;
    p->code = calloc(1, room);
    for (int i = 0; i < count; i++) {
        char define[256];
        if (sscanf(options[i], "--define-macro=%255s", define) == 1)
            strcat(strcat(strcat(p->code, "#define "), define), "\n");
        else if (!strcmp(options[i], "--gpu-architecture=sm_90"))
            targets++;
    }
    if (targets != 1) return 5;
    strcat(p->code, p->source);
    return 0;
}

int nvrtcGetProgramLogSize(void *program, size_t *bytes) { return *bytes = 1, 0; }
int nvrtcGetProgramLog(void *program, char *log) { return *log = 0, 0; }
int nvrtcGetCUBINSize(void *program, size_t *bytes) { return *bytes = strlen(((struct program *)program)->code) + 1, 0; }
int nvrtcGetCUBIN(void *program, char *code) { return strcpy(code, ((struct program *)program)->code), 0; }
