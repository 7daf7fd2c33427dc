/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: HCAs are enabled, get pages, and tell their capabilities. */
#include "qemu/osdep.h"
#include "cx.h"

#define BOOT_PAGES      4
#define INIT_PAGES      12
#define MAX_PAGES       65536

enum { PAGES_CANT_GIVE, PAGES_GIVE, PAGES_TAKE };
enum { CAP_GENERAL = 0x00, CAP_GENERAL_2 = 0x20, CAP_ADV_VIRTUALIZATION = 0x26 };

/* -- capabilities ------------------------------------------------------------------- */

static void limits(uint8_t *c)
{
    cx_set(c, 0x10, 0, 8, 10);          /* log_max_srq_sz */
    cx_set(c, 0x10, 8, 8, 10);          /* log_max_qp_sz */
    cx_set(c, 0x10, 27, 5, 12);         /* log_max_qp */
    cx_set(c, 0x14, 11, 5, 10);         /* log_max_srq */
    cx_set(c, 0x18, 8, 8, 12);          /* log_max_cq_sz */
    cx_set(c, 0x18, 27, 5, 12);         /* log_max_cq */
    cx_set(c, 0x1c, 0, 8, 13);          /* log_max_eq_sz */
    cx_set(c, 0x1c, 10, 6, 12);         /* log_max_mkey */
    cx_set(c, 0x1c, 28, 4, 5);          /* log_max_eq */
    cx_set(c, 0x20, 9, 7, 32);          /* log_max_mrw_sz */
    cx_set(c, 0x20, 26, 6, 16);         /* log_max_klm_list_size */
    cx_set(c, 0x28, 10, 6, 4);          /* log_max_ra_req_qp */
    cx_set(c, 0x28, 26, 6, 4);          /* log_max_ra_res_qp */
    cx_set(c, 0x38, 3, 5, 30);          /* log_max_msg */
    cx_set(c, 0x48, 24, 8, 12);         /* log_pg_sz */
    cx_set(c, 0x4c, 11, 5, 8);          /* log_bf_reg_size */
    cx_set(c, 0x50, 16, 16, 512);       /* max_wqe_sz_sq */
    cx_set(c, 0x54, 16, 16, 512);       /* max_wqe_sz_rq */
    cx_set(c, 0x64, 11, 5, 12);         /* log_max_pd */
    cx_set(c, 0xa4, 0, 32, 1);          /* num_of_uars_per_page */
}

static void general(const CxVhca *v, uint8_t *c)
{
    const CxPF *pf = v->pf;

    limits(c);
    cx_set(c, 0x04, 0, 1, 1);           /* hca_cap_2 */
    cx_set(c, 0x04, 16, 16, CX_VHCA_ID_BASE + v->id);
    cx_set(c, 0x34, 0, 1, !v->id && !pf->ethernet); /* vport_group_manager */
    cx_set(c, 0x34, 2, 1, 1);           /* ib_virt */
    cx_set(c, 0x34, 22, 2, pf->ethernet);           /* port_type */
    cx_set(c, 0x34, 24, 8, 1);          /* num_ports */
    cx_set(c, 0x40, 7, 1, 1);           /* umr_modify_entity_size_disabled */
    cx_set(c, 0x44, 28, 1, 1);          /* xrc */
    cx_set(c, 0x44, 29, 1, 1);          /* ud */
    cx_set(c, 0x44, 31, 1, 1);          /* rc */
    cx_set(c, 0xd0, 13, 1, !v->id && pf->migration);
    cx_set(c, 0xac, 25, 1, !v->id && pf->tracker);  /* adv_virtualization */
}

static void general_2(const CxVhca *v, uint8_t *c)
{
    const CxPF *pf = v->pf;
    bool migratable = v->id && pf->migration &&
                      (v->id > 64 || !extract64(pf->not_migratable, v->id - 1, 1));

    cx_set(c, 0x10, 0, 1, migratable);
    cx_set(c, 0x18, 8, 1, pf->migration && pf->precopy); /* multi_load */
    cx_set(c, 0x18, 9, 1, pf->migration && pf->precopy); /* tracking_state */
    cx_set(c, 0x18, 16, 1, pf->migration && pf->chunk);  /* in_chunks */
}

static void adv_virtualization(uint8_t *c)
{
    cx_set(c, 0, 3, 5, 4);              /* log2 of trackers */
    cx_set(c, 0, 8, 8, 16);             /* ranges of one */
    cx_set(c, 0, 16, 8, CX_TRACK_LOG_MIN); /* log2 of the address space */
    cx_set(c, 0, 24, 8, CX_TRACK_LOG_MAX);
    cx_set(c, 4, 3, 5, 12);             /* log2 of a message */
    cx_set(c, 4, 11, 5, 13);
    cx_set(c, 4, 19, 5, 12);            /* log2 of a page */
    cx_set(c, 4, 27, 5, 20);
}

int cx_query_hca_cap(CxVhca *v, CxCmd *c)
{
    CxVhca *of = v;
    uint8_t cap[CX_CAP_BYTES] = { 0 };
    bool current = c->op_mod & 1;

    if (cx_get(c->in, 8, 0, 1)) {
        of = v->id ? NULL : cx_function(v->pf, cx_get(c->in, 8, 16, 16));
    }
    if (!of) {
        return CX_BAD_PARAM;
    }
    switch (c->op_mod >> 1) {
    case CAP_GENERAL:
        general(of, cap);
        if (current && of->s.caps_set) {
            memcpy(cap, of->s.caps, sizeof(cap));
            cx_set(cap, 0x04, 16, 16, CX_VHCA_ID_BASE + of->id);
        }
        break;
    case CAP_GENERAL_2:
        general_2(of, cap);
        break;
    case CAP_ADV_VIRTUALIZATION:
        if (!of->id && of->pf->tracker) {
            adv_virtualization(cap);
        }
        break;
    }
    memcpy(c->out + 0x10, cap, sizeof(cap));
    return CX_OK;
}

/* What a driver sets is what it reads back; the model has no use for it */
int cx_set_hca_cap(CxVhca *v, CxCmd *c)
{
    if (c->op_mod >> 1 == CAP_GENERAL) {
        memcpy(v->s.caps, c->in + 0x10, CX_CAP_BYTES);
        v->s.caps_set = true;
    }
    return CX_OK;
}

int cx_query_issi(CxVhca *v, CxCmd *c)
{
    stl_be_p(c->out + 0x6c, 1 << 1);
    return CX_OK;
}

int cx_query_adapter(CxVhca *v, CxCmd *c)
{
    const char *psid = v->pf->psid ?: "MDEVPCI000000001";

    memcpy(c->out + 0x100, psid, strlen(psid));
    return CX_OK;
}

/* -- pages ---------------------------------------------------------------------------- */

/* The PF's driver gives a VF's pages and takes them back: it is told by an event */
static void request_pages(CxVhca *v, int32_t n)
{
    uint8_t data[28] = { 0 };

    if (n) {
        stw_be_p(data + 2, v->id);
        stl_be_p(data + 4, n);
        cx_event(&v->pf->vhca, CX_EV_PAGES, data);
    }
}

int cx_query_pages(CxVhca *v, CxCmd *c)
{
    uint32_t n = 0;

    if (!v->id && c->op_mod == 1) {
        n = BOOT_PAGES;
    } else if (!v->id && c->op_mod == 2) {
        n = INIT_PAGES;
    }
    cx_set(c->out, 8, 16, 16, v->id);
    stl_be_p(c->out + 0xc, n);
    return CX_OK;
}

static bool has_page(const CxVhca *v, uint64_t page)
{
    for (unsigned i = 0; i < v->pages->len; i++) {
        if (g_array_index(v->pages, uint64_t, i) == page) {
            return true;
        }
    }
    return false;
}

static int give_pages(CxVhca *of, const CxCmd *c, uint32_t n)
{
    if (n > MAX_PAGES - of->pages->len) {
        return CX_LIMIT;
    }
    if (c->inlen < 0x10 + (uint64_t)n * 8) {
        return CX_BAD_INLEN;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t page = ldq_be_p(c->in + 0x10 + i * 8);

        if (page % 4096 || has_page(of, page)) {
            g_array_set_size(of->pages, of->pages->len - i);
            return CX_BAD_PARAM;
        }
        g_array_append_val(of->pages, page);
    }
    return CX_OK;
}

static int take_pages(CxVhca *of, CxCmd *c, uint32_t n)
{
    n = MIN(n, MIN((c->outlen - 0x10) / 8, of->pages->len));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t last = of->pages->len - 1;

        stq_be_p(c->out + 0x10 + i * 8,
                 g_array_index(of->pages, uint64_t, last));
        g_array_set_size(of->pages, last);
    }
    stl_be_p(c->out + 8, n);
    return CX_OK;
}

int cx_manage_pages(CxVhca *v, CxCmd *c)
{
    uint16_t id = cx_get(c->in, 8, 16, 16);
    uint32_t n = ldl_be_p(c->in + 0xc);
    CxVhca *of = !id || id == v->id ? v : NULL;

    if (id && !v->id) {
        of = cx_function(v->pf, id);
    }
    if (!of) {
        return CX_BAD_PARAM;
    }
    switch (c->op_mod) {
    case PAGES_CANT_GIVE:
        cx_log(v, "the host has no pages for function %u", id);
        return CX_OK;
    case PAGES_GIVE:
        return give_pages(of, c, n);
    case PAGES_TAKE:
        return take_pages(of, c, n);
    default:
        return CX_BAD_PARAM;
    }
}

/* -- what resets and teardown forget ----------------------------------------- */

/* Firmware's objects; not the command queue, and not the host's pages */
void cx_forget(CxVhca *v)
{
    cx_state_objects_free(&v->s);
    v->s.inited = false;
    cx_state_changed(v);
    for (unsigned i = 0; !v->id && i < v->pf->total_vfs; i++) {
        /* Trackers report through queues of the PF */
        if (v->pf->vf[i] && v->pf->vf[i]->tracker) {
            cx_tracker_free(v->pf->vf[i]->tracker);
        }
    }
}

/* As after ENABLE_HCA; "enabled", the pages and a tracker stay */
void cx_reset(CxVhca *v)
{
    cx_commands_drop(v);
    timer_del(v->retry);
    cx_forget(v);
    cx_state_free(&v->s);
    cx_state_init(&v->s, v);
    cx_migration_reset(v);
    v->level = CX_RUNNING;
    v->syndrome = 0;
    v->cq_doorbell = 0;
    v->resets++;
}

/* -- enable, init ---------------------------------------------------------------------- */

static int set_enabled(CxVhca *v, CxCmd *c, bool on)
{
    uint16_t id = cx_get(c->in, 8, 16, 16);
    CxVhca *of = v;

    if (id) {
        of = v->id ? NULL : cx_function(v->pf, id);
    }
    if (!of) {
        return CX_BAD_PARAM;
    }
    if (of == v) {
        /* A driver enables its own function; a VF is there as long as the PF says */
        if (!on) {
            cx_forget(v);
        }
        return CX_OK;
    }
    cx_reset(of);
    of->enabled = on;
    request_pages(of, on ? (int32_t)v->pf->vf_pages : -(int32_t)of->pages->len);
    return CX_OK;
}

int cx_enable_hca(CxVhca *v, CxCmd *c)
{
    return set_enabled(v, c, true);
}

int cx_disable_hca(CxVhca *v, CxCmd *c)
{
    return set_enabled(v, c, false);
}

int cx_init_hca(CxVhca *v, CxCmd *c)
{
    v->s.inited = true;
    return CX_OK;
}

int cx_teardown_hca(CxVhca *v, CxCmd *c)
{
    cx_forget(v);
    return CX_OK;
}
