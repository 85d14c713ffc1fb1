/* SPDX-License-Identifier: MIT */
/* root/user/shell/main.c - first sign of life. */
#include "lib/print.h"
#include "lib/system.h"

int main(void);
int main(void)
{
    print("hello from ring 3\n");
    for (;;)
        sleep_ns(1000000000ull);
}
