/* arm_cmplx_mag_q15's square root in one table look-up and one multiplication.
 *
 * The definition is three Newton steps in 64-bit arithmetic, whose last bits decide near the
 * squares alone: floor(sqrt(x / 2)) is right everywhere else (tests/unit/test_rfft.py: all x). */
#include "magnitude.h"

/* round(256 * sqrt((64 + i) * 2^22 / 2)) */
static const uint32_t roots[193] = {
    2965821, 2988901, 3011805, 3034536, 3057098, 3079495, 3101730, 3123806, 3145728, 3167498,
    3189119, 3210595, 3231928, 3253121, 3274178, 3295099, 3315888, 3336548, 3357081, 3377489,
    3397775, 3417940, 3437986, 3457917, 3477733, 3497437, 3517031, 3536516, 3555894, 3575168,
    3594337, 3613406, 3632374, 3651243, 3670016, 3688693, 3707276, 3725766, 3744165, 3762474,
    3780695, 3798827, 3816874, 3834836, 3852714, 3870510, 3888224, 3905858, 3923412, 3940888,
    3958288, 3975611, 3992858, 4010032, 4027133, 4044161, 4061117, 4078004, 4094820, 4111568,
    4128248, 4144861, 4161407, 4177888, 4194304, 4210656, 4226945, 4243171, 4259336, 4275439,
    4291482, 4307465, 4323390, 4339255, 4355063, 4370814, 4386508, 4402146, 4417729, 4433257,
    4448731, 4464151, 4479519, 4494833, 4510096, 4525307, 4540467, 4555577, 4570637, 4585647,
    4600609, 4615521, 4630386, 4645204, 4659974, 4674697, 4689374, 4704006, 4718592, 4733133,
    4747630, 4762082, 4776491, 4790856, 4805179, 4819459, 4833697, 4847892, 4862047, 4876160,
    4890233, 4904265, 4918257, 4932210, 4946123, 4959997, 4973833, 4987630, 5001389, 5015110,
    5028794, 5042441, 5056050, 5069624, 5083161, 5096662, 5110127, 5123557, 5136952, 5150312,
    5163638, 5176929, 5190186, 5203410, 5216600, 5229756, 5242880, 5255971, 5269029, 5282055,
    5295049, 5308011, 5320942, 5333841, 5346709, 5359547, 5372353, 5385129, 5397875, 5410591,
    5423277, 5435934, 5448561, 5461159, 5473727, 5486267, 5498779, 5511262, 5523717, 5536144,
    5548543, 5560914, 5573258, 5585574, 5597864, 5610127, 5622362, 5634572, 5646755, 5658911,
    5671042, 5683146, 5695225, 5707279, 5719307, 5731310, 5743287, 5755240, 5767168, 5779071,
    5790950, 5802805, 5814635, 5826442, 5838224, 5849983, 5861718, 5873430, 5885118, 5896783,
    5908426, 5920045, 5931642};

/* round(2^28 / sqrt((8 + i) / 32)) */
static const int32_t inverse_roots[24] = {
    536870912, 506166750, 480191942, 457845052, 438353264, 421156193, 405836263, 392075079,
    379625062, 368290407, 357913941, 348367849, 339546978, 331363921, 323745341, 316629190,
    309962566, 303700050, 297802400, 292235509, 286969573, 281978417, 277238947, 272730696};

enum {
    EXACT_BELOW = 8192, /* roots up to here err only at their own square, by one */
    ABOVE_SQUARE = 8,   /* and the others this far from one */
    BELOW_SQUARE = 8,
};

/* Of the squares 2 m^2, m up to 255: those whose root the definition has one too small. */
static const uint32_t low_roots[8] = {0xf9e2d8c8, 0xd56b5c8e, 0x1378c0d4, 0xd9b31c4d,
                                      0x5800d9b0, 0xa3af9d62, 0x0bf2b079, 0xf3e96d25};

/* The definition: Newton's iteration for 1 / sqrt(x), as arm_sqrt_q31 rounds it. 1 <= x < 2^31. */
static uint32_t newton(uint32_t x) {
    uint32_t shift = 0;
    while (x < 0x20000000u) {
        x <<= 2;
        shift++;
    }
    const int32_t number = (int32_t)x;
    int32_t inverse = inverse_roots[(x >> 26) - 8];
    for (uint32_t step = 0; step < 3; step++) {
        int32_t t = (int32_t)(((int64_t)inverse * inverse) >> 28);
        t = 0x30000000 - (int32_t)(((int64_t)number * t) >> 31);
        inverse = (int32_t)(((int64_t)inverse * t) >> 29);
    }
    return (uint32_t)(int32_t)(((int64_t)number * inverse) >> 28) >> shift >> 16;
}

uint32_t magnitude_root(uint32_t x) {
    if (x < 2) {
        return 0;
    }
    /* to 2^28 .. 2^30, in steps of 4 */
    uint32_t top = x - 1, down = 8;
#define STEP(bits)                                                                                 \
    if (top >> (30 - (bits)) == 0) {                                                               \
        top <<= bits;                                                                              \
        down += (bits) / 2;                                                                        \
    }
    STEP(16)
    STEP(8)
    STEP(4)
    STEP(2)
#undef STEP
    top = x << (2 * down - 16);
    const uint32_t *near = roots + (top >> 22) - 64;
    /* the chord lies below the curve by 46 at most */
    const uint32_t rise = (near[1] - near[0]) * (top << 10 >> 16) >> 16;
    uint32_t root = (near[0] + rise + 49) >> down;
    uint32_t square = 2 * root * root;
    if (square > x) {
        root--;
        square -= 4 * root + 2;
    }
    const uint32_t rest = x - square;
    if (root < EXACT_BELOW) {
        if (rest != 0) {
            return root;
        }
        return root < 256 ? root - (low_roots[root >> 5] >> (root & 31) & 1) : newton(x);
    }
    return rest > ABOVE_SQUARE && rest < 4 * root + 2 - BELOW_SQUARE ? root : newton(x);
}
